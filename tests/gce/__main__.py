"""`python3 -m gce`, in tests/: a double for a person to try playbooks with."""

import argparse
import shlex
import signal
import sys

from gce.double import LOG, PROJECT, Double

EPILOG = f"""Copy the printed lines into another shell, and run ansible-playbook there. It ends with Ctrl-C.
{LOG} names a file to which each request is appended, as a line of JSON."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m gce",
        description="Serves a double of Google's Compute, DNS, Secret Manager and IAM APIs on this "
        "machine. Nothing is kept.",
        epilog=EPILOG,
    )
    parser.add_argument("--project", default=PROJECT, help=f"the project's name ({PROJECT})")
    parser.add_argument(
        "--step", type=float, default=2.0, help="seconds that pass with each request (2)"
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="PROJECT/FAMILY",
        help="an image that is there, for example debian-cloud/debian-12; repeatable",
    )
    arguments = parser.parse_args()
    with Double(project=arguments.project, step=arguments.step) as double:
        for image in arguments.image:
            project, _, family = image.partition("/")
            double.seed_image(f"{family}-v20260101", family, project)
        try:
            # Before the lines that say that it is there.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            for name, value in double.env().items():
                print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            signal.pause()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
