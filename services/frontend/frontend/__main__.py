"""`python -m frontend`: serve the page until SIGTERM."""

import os

from taskapp.server import serve

from frontend.main import FrontendSettings, build

settings = FrontendSettings.from_env(os.environ)
serve(build(settings), settings)
