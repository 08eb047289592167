"""The program ``fastdicom``: one file a command."""
