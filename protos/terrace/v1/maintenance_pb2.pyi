import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StoreProblem(_message.Message):
    __slots__ = ("table", "message")
    TABLE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    table: str
    message: str
    def __init__(self, table: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Allocation(_message.Message):
    __slots__ = ("place", "size_bytes", "count")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    place: str
    size_bytes: int
    count: int
    def __init__(self, place: _Optional[str] = ..., size_bytes: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class BackupRequest(_message.Message):
    __slots__ = ("request_id", "encrypt", "passphrase")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ENCRYPT_FIELD_NUMBER: _ClassVar[int]
    PASSPHRASE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    encrypt: bool
    passphrase: str
    def __init__(self, request_id: _Optional[str] = ..., encrypt: _Optional[bool] = ..., passphrase: _Optional[str] = ...) -> None: ...

class BackupResponse(_message.Message):
    __slots__ = ("name", "size_bytes", "sha256", "create_time", "encrypted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    size_bytes: int
    sha256: str
    create_time: _timestamp_pb2.Timestamp
    encrypted: bool
    def __init__(self, name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., encrypted: _Optional[bool] = ...) -> None: ...

class BackupFile(_message.Message):
    __slots__ = ("name", "size_bytes", "create_time", "encrypted", "schema_version", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ENCRYPTED_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    size_bytes: int
    create_time: _timestamp_pb2.Timestamp
    encrypted: bool
    schema_version: str
    version: str
    def __init__(self, name: _Optional[str] = ..., size_bytes: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., encrypted: _Optional[bool] = ..., schema_version: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class ListBackupsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBackupsResponse(_message.Message):
    __slots__ = ("backups", "next_page_token")
    BACKUPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    backups: _containers.RepeatedCompositeFieldContainer[BackupFile]
    next_page_token: str
    def __init__(self, backups: _Optional[_Iterable[_Union[BackupFile, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CheckStoreRequest(_message.Message):
    __slots__ = ("full",)
    FULL_FIELD_NUMBER: _ClassVar[int]
    full: bool
    def __init__(self, full: _Optional[bool] = ...) -> None: ...

class CheckStoreResponse(_message.Message):
    __slots__ = ("valid", "problems", "schema_version", "size_bytes", "engine_version")
    VALID_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    problems: _containers.RepeatedCompositeFieldContainer[StoreProblem]
    schema_version: str
    size_bytes: int
    engine_version: str
    def __init__(self, valid: _Optional[bool] = ..., problems: _Optional[_Iterable[_Union[StoreProblem, _Mapping]]] = ..., schema_version: _Optional[str] = ..., size_bytes: _Optional[int] = ..., engine_version: _Optional[str] = ...) -> None: ...

class DumpDiagnosticsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DumpDiagnosticsResponse(_message.Message):
    __slots__ = ("json", "create_time")
    JSON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    json: str
    create_time: _timestamp_pb2.Timestamp
    def __init__(self, json: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ProfileMemoryRequest(_message.Message):
    __slots__ = ("duration", "max_allocations")
    DURATION_FIELD_NUMBER: _ClassVar[int]
    MAX_ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    duration: _duration_pb2.Duration
    max_allocations: int
    def __init__(self, duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_allocations: _Optional[int] = ...) -> None: ...

class ProfileMemoryResponse(_message.Message):
    __slots__ = ("resident_bytes", "allocations")
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    ALLOCATIONS_FIELD_NUMBER: _ClassVar[int]
    resident_bytes: int
    allocations: _containers.RepeatedCompositeFieldContainer[Allocation]
    def __init__(self, resident_bytes: _Optional[int] = ..., allocations: _Optional[_Iterable[_Union[Allocation, _Mapping]]] = ...) -> None: ...
