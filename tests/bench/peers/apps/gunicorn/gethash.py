"""The shape of the exercise: Flask and bcrypt, served by gunicorn."""

import os

import bcrypt
from flask import Flask

COST = int(os.environ["COST"])

app = Flask(__name__)


def gethash(password: str) -> dict[str, str]:
    salt = bcrypt.gensalt(COST)
    return {"salt": salt.hex(), "hash": bcrypt.hashpw(password.encode(), salt).hex()}


app.add_url_rule("/gethash/<password>/", view_func=gethash)
