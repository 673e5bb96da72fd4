"""Errors of the API, with the codes that daprd uses for them."""

from grpc import StatusCode


class ApiError(Exception):
    """What a caller gets: a gRPC status, or an HTTP status with `{"errorCode": …, "message": …}`."""

    def __init__(self, grpc: StatusCode, http: int, code: str, message: str) -> None:
        super().__init__(message)
        self.grpc, self.http, self.code, self.message = grpc, http, code, message


def pubsub_missing(name: str) -> ApiError:
    return ApiError(StatusCode.INVALID_ARGUMENT, 404, "ERR_PUBSUB_NOT_FOUND", f"pubsub {name} is not found")


def topic_empty(name: str) -> ApiError:
    return ApiError(StatusCode.INVALID_ARGUMENT, 404, "ERR_TOPIC_NAME_EMPTY", f"topic is empty in pubsub {name}")


def topic_forbidden(topic: str, app: str) -> ApiError:
    message = f"topic {topic} is not allowed for app id {app}"
    return ApiError(StatusCode.PERMISSION_DENIED, 403, "ERR_PUBSUB_FORBIDDEN", message)


def event_malformed() -> ApiError:
    return ApiError(StatusCode.INVALID_ARGUMENT, 500, "ERR_PUBSUB_CLOUD_EVENTS_SER", "cannot create cloudevent")


def publish_failed(name: str, topic: str, cause: object) -> ApiError:
    message = f"error when publishing to topic {topic} in pubsub {name}: {cause}"
    return ApiError(StatusCode.INTERNAL, 500, "ERR_PUBSUB_PUBLISH_MESSAGE", message)


def store_missing(name: str, configured: bool) -> ApiError:
    if configured:
        message = f"state store {name} is not found"
        return ApiError(StatusCode.INVALID_ARGUMENT, 400, "ERR_STATE_STORE_NOT_FOUND", message)
    message = f"state store {name} is not configured"
    return ApiError(StatusCode.FAILED_PRECONDITION, 500, "ERR_STATE_STORE_NOT_CONFIGURED", message)


def key_invalid(key: str) -> ApiError:
    message = f"input key/keyPrefix '{key}' can't contain '||'"
    return ApiError(StatusCode.INVALID_ARGUMENT, 400, "ERR_MALFORMED_REQUEST", message)


def key_empty(code: str) -> ApiError:
    return ApiError(StatusCode.INVALID_ARGUMENT, 400, code, "state key cannot be empty")


def malformed(cause: object) -> ApiError:
    message = f"failed deserializing HTTP body: {cause}"
    return ApiError(StatusCode.INVALID_ARGUMENT, 400, "ERR_MALFORMED_REQUEST", message)


def not_ready(what: str, code: str) -> ApiError:
    return ApiError(StatusCode.INTERNAL, 500, code, what)


def invoke_failed(app: str, cause: object) -> ApiError:
    message = f"failed to invoke, id: {app}, err: {cause}"
    return ApiError(StatusCode.INTERNAL, 500, "ERR_DIRECT_INVOKE", message)
