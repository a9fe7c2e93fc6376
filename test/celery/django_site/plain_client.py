"""A process of the plain site's that sends tasks: the lines are those of ../site/site_client.py."""

import os
import runpy
import sys

import plain_project

sys.modules["site_app"] = plain_project
runpy.run_path(os.path.join(os.path.dirname(__file__), "../site/site_client.py"))
