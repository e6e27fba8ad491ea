"""Windrow in frameworks, one module each; a module imports its framework, and nothing else imports it."""
