from io import BytesIO

class Part(BytesIO):
    start: int
    def __init__(self, data: bytes, start: int) -> None: ...
