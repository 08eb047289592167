# pydicom's FileDataset of a regular file; nothing here is for other compiled modules.
