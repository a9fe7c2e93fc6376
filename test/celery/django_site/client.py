"""A process of the Django site's that sends tasks: the lines are those of ../site/site_client.py."""

import os
import runpy
import sys
import types

import site_project

import django

django.setup()

import scenes  # noqa: E402

site = types.ModuleType("site_app")
vars(site).update(vars(scenes), app=site_project.app)
sys.modules["site_app"] = site
runpy.run_path(os.path.join(os.path.dirname(__file__), "../site/site_client.py"))
