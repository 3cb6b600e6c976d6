"""The command line: `fer-lib VERB`, or `python -m fer_lib VERB`.

Arguments are checked before anything heavy is imported: a verb's module is imported when it runs.
Exit codes: 0; 1 for a record that fails verification, and for nothing else; 2 for bad input; 70 for
an error that the library did not foresee. The last is one line too; `FER_LIB_DEBUG=1` shows its
traceback.
"""

import importlib
import os
import sys
import traceback

from fer_lib.cli.parser import parse

UNFORESEEN = 70  # EX_SOFTWARE of sysexits.h
MESSAGE_LIMIT = 600  # characters


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: in place of those of the process.
    """
    options = parse(sys.argv[1:] if arguments is None else arguments)
    module, function = options.run.split(":")
    try:
        code = getattr(importlib.import_module(f"fer_lib.cli.{module}"), function)(options) or 0
        sys.stdout.flush()  # what is lost at the exit of the process would go unseen
        return code
    except KeyboardInterrupt:
        hint = "; the same command continues after the last finished epoch"
        print(f"\nstopped{hint if module == 'training' else ''}", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        hint = "" if "fer_lib[train]" in str(error) else "; install fer_lib[train]"
        print(f"{error}{hint}", file=sys.stderr)
    except BrokenPipeError:  # `| head` has read enough
        _discard_output()
        return 0
    except (ValueError, OSError) as error:
        _discard_output()
        _print_error(error)
    except Exception as error:  # an uncaught one would end in 1, "a record fails"
        _print_error(error, " (an error of fer_lib itself; FER_LIB_DEBUG=1 shows where)")
        return UNFORESEEN
    return 2


def _print_error(error: Exception, hint: str = "") -> None:
    """Print the error's type and message in one line, after its traceback on request."""
    if os.environ.get("FER_LIB_DEBUG"):
        traceback.print_exception(error)
    text = " ".join(str(error).split())
    text = text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]}…"
    print(": ".join(filter(None, (type(error).__name__, text))) + hint, file=sys.stderr)


def _discard_output() -> None:
    """Send what is left of the output nowhere, so that Python's exit does not fail with it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
