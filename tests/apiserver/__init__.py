"""A double of the Kubernetes API server, held to recorded answers of the real one."""

from tests.apiserver.resources import Document
from tests.apiserver.routes import Request
from tests.apiserver.server import ApiServer, Fault
from tests.apiserver.statuses import Refused

__all__ = ["ApiServer", "Document", "Fault", "Refused", "Request"]
