"""`python -m frontend`: serve the page until SIGTERM."""

import os

from frontend.main import FrontendSettings, build
from taskapp.server import serve

settings = FrontendSettings.from_env(os.environ)
serve(build(settings), settings)
