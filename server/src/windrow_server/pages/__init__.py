"""The insights pages: HTML rendered on the server, for maintainers who hold the admin token."""

from windrow_server.pages._app import create_pages, starting_page

__all__ = ["create_pages", "starting_page"]
