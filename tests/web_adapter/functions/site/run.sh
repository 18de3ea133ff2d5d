#!/bin/sh
exec "$_FAULTLAYER_PYTHON" /var/task/site.py
