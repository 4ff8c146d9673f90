import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from protos.terrace.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConfigSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIG_SOURCE_UNSPECIFIED: _ClassVar[ConfigSource]
    CONFIG_SOURCE_FILE: _ClassVar[ConfigSource]
    CONFIG_SOURCE_CLI: _ClassVar[ConfigSource]
    CONFIG_SOURCE_PANEL: _ClassVar[ConfigSource]
    CONFIG_SOURCE_API: _ClassVar[ConfigSource]
CONFIG_SOURCE_UNSPECIFIED: ConfigSource
CONFIG_SOURCE_FILE: ConfigSource
CONFIG_SOURCE_CLI: ConfigSource
CONFIG_SOURCE_PANEL: ConfigSource
CONFIG_SOURCE_API: ConfigSource

class Config(_message.Message):
    __slots__ = ("version", "etag", "yaml", "expanded_yaml", "create_time", "author", "source", "ineffective_paths")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    YAML_FIELD_NUMBER: _ClassVar[int]
    EXPANDED_YAML_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    INEFFECTIVE_PATHS_FIELD_NUMBER: _ClassVar[int]
    version: int
    etag: str
    yaml: str
    expanded_yaml: str
    create_time: _timestamp_pb2.Timestamp
    author: str
    source: ConfigSource
    ineffective_paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[int] = ..., etag: _Optional[str] = ..., yaml: _Optional[str] = ..., expanded_yaml: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., author: _Optional[str] = ..., source: _Optional[_Union[ConfigSource, str]] = ..., ineffective_paths: _Optional[_Iterable[str]] = ...) -> None: ...

class ConfigVersion(_message.Message):
    __slots__ = ("version", "create_time", "author", "source", "changed_paths", "current")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_PATHS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    version: int
    create_time: _timestamp_pb2.Timestamp
    author: str
    source: ConfigSource
    changed_paths: _containers.RepeatedScalarFieldContainer[str]
    current: bool
    def __init__(self, version: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., author: _Optional[str] = ..., source: _Optional[_Union[ConfigSource, str]] = ..., changed_paths: _Optional[_Iterable[str]] = ..., current: _Optional[bool] = ...) -> None: ...

class ConfigChange(_message.Message):
    __slots__ = ("path", "old_value", "new_value", "restart_required", "effects")
    PATH_FIELD_NUMBER: _ClassVar[int]
    OLD_VALUE_FIELD_NUMBER: _ClassVar[int]
    NEW_VALUE_FIELD_NUMBER: _ClassVar[int]
    RESTART_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    EFFECTS_FIELD_NUMBER: _ClassVar[int]
    path: str
    old_value: str
    new_value: str
    restart_required: bool
    effects: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[str] = ..., old_value: _Optional[str] = ..., new_value: _Optional[str] = ..., restart_required: _Optional[bool] = ..., effects: _Optional[_Iterable[str]] = ...) -> None: ...

class ConfigEdit(_message.Message):
    __slots__ = ("path", "value", "unset")
    PATH_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNSET_FIELD_NUMBER: _ClassVar[int]
    path: str
    value: str
    unset: bool
    def __init__(self, path: _Optional[str] = ..., value: _Optional[str] = ..., unset: _Optional[bool] = ...) -> None: ...

class GetConfigRequest(_message.Message):
    __slots__ = ("version", "expand")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPAND_FIELD_NUMBER: _ClassVar[int]
    version: int
    expand: bool
    def __init__(self, version: _Optional[int] = ..., expand: _Optional[bool] = ...) -> None: ...

class GetConfigResponse(_message.Message):
    __slots__ = ("config",)
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    config: Config
    def __init__(self, config: _Optional[_Union[Config, _Mapping]] = ...) -> None: ...

class ValidateConfigRequest(_message.Message):
    __slots__ = ("yaml", "edits")
    YAML_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    yaml: str
    edits: _containers.RepeatedCompositeFieldContainer[ConfigEdit]
    def __init__(self, yaml: _Optional[str] = ..., edits: _Optional[_Iterable[_Union[ConfigEdit, _Mapping]]] = ...) -> None: ...

class ValidateConfigResponse(_message.Message):
    __slots__ = ("valid", "problems", "changes", "ineffective_paths", "notes")
    VALID_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    INEFFECTIVE_PATHS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    problems: _containers.RepeatedCompositeFieldContainer[_common_pb2.FieldProblem]
    changes: _containers.RepeatedCompositeFieldContainer[ConfigChange]
    ineffective_paths: _containers.RepeatedScalarFieldContainer[str]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, valid: _Optional[bool] = ..., problems: _Optional[_Iterable[_Union[_common_pb2.FieldProblem, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[ConfigChange, _Mapping]]] = ..., ineffective_paths: _Optional[_Iterable[str]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class ApplyConfigRequest(_message.Message):
    __slots__ = ("yaml", "etag", "source", "request_id", "validate_only", "edits")
    YAML_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    EDITS_FIELD_NUMBER: _ClassVar[int]
    yaml: str
    etag: str
    source: ConfigSource
    request_id: str
    validate_only: bool
    edits: _containers.RepeatedCompositeFieldContainer[ConfigEdit]
    def __init__(self, yaml: _Optional[str] = ..., etag: _Optional[str] = ..., source: _Optional[_Union[ConfigSource, str]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., edits: _Optional[_Iterable[_Union[ConfigEdit, _Mapping]]] = ...) -> None: ...

class ApplyConfigResponse(_message.Message):
    __slots__ = ("config", "changes", "notes")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    config: Config
    changes: _containers.RepeatedCompositeFieldContainer[ConfigChange]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, config: _Optional[_Union[Config, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[ConfigChange, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class ListConfigVersionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListConfigVersionsResponse(_message.Message):
    __slots__ = ("config_versions", "next_page_token")
    CONFIG_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    config_versions: _containers.RepeatedCompositeFieldContainer[ConfigVersion]
    next_page_token: str
    def __init__(self, config_versions: _Optional[_Iterable[_Union[ConfigVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DiffConfigRequest(_message.Message):
    __slots__ = ("from_version", "to_version", "yaml")
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    YAML_FIELD_NUMBER: _ClassVar[int]
    from_version: int
    to_version: int
    yaml: str
    def __init__(self, from_version: _Optional[int] = ..., to_version: _Optional[int] = ..., yaml: _Optional[str] = ...) -> None: ...

class DiffConfigResponse(_message.Message):
    __slots__ = ("changes", "text")
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[ConfigChange]
    text: str
    def __init__(self, changes: _Optional[_Iterable[_Union[ConfigChange, _Mapping]]] = ..., text: _Optional[str] = ...) -> None: ...

class RestoreConfigRequest(_message.Message):
    __slots__ = ("version", "defaults", "etag", "request_id", "validate_only", "source")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DEFAULTS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    version: int
    defaults: bool
    etag: str
    request_id: str
    validate_only: bool
    source: ConfigSource
    def __init__(self, version: _Optional[int] = ..., defaults: _Optional[bool] = ..., etag: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., source: _Optional[_Union[ConfigSource, str]] = ...) -> None: ...

class RestoreConfigResponse(_message.Message):
    __slots__ = ("config", "changes", "notes")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    config: Config
    changes: _containers.RepeatedCompositeFieldContainer[ConfigChange]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, config: _Optional[_Union[Config, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[ConfigChange, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class DescribeConfigRequest(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class DescribeConfigResponse(_message.Message):
    __slots__ = ("keys",)
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[ConfigKey]
    def __init__(self, keys: _Optional[_Iterable[_Union[ConfigKey, _Mapping]]] = ...) -> None: ...

class ConfigKey(_message.Message):
    __slots__ = ("path", "help", "kind", "unit", "minimum", "maximum", "allowed", "default_value", "value", "nullable", "restart_required", "rule", "example")
    PATH_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    NULLABLE_FIELD_NUMBER: _ClassVar[int]
    RESTART_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    path: str
    help: str
    kind: str
    unit: str
    minimum: str
    maximum: str
    allowed: _containers.RepeatedScalarFieldContainer[str]
    default_value: str
    value: str
    nullable: bool
    restart_required: bool
    rule: str
    example: str
    def __init__(self, path: _Optional[str] = ..., help: _Optional[str] = ..., kind: _Optional[str] = ..., unit: _Optional[str] = ..., minimum: _Optional[str] = ..., maximum: _Optional[str] = ..., allowed: _Optional[_Iterable[str]] = ..., default_value: _Optional[str] = ..., value: _Optional[str] = ..., nullable: _Optional[bool] = ..., restart_required: _Optional[bool] = ..., rule: _Optional[str] = ..., example: _Optional[str] = ...) -> None: ...
