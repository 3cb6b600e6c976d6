"""The command line: `python -m fer_lib VERB`.

Arguments are checked before anything heavy is imported: a verb's module is imported when it runs.
Exit codes: 0; 1 for a record that fails verification; 2 for bad input.
"""

import importlib
import sys

from fer_lib.cli.parser import parse


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit code.

    Args:
        arguments: in place of those of the process.
    """
    options = parse(sys.argv[1:] if arguments is None else arguments)
    module, function = options.run.split(":")
    try:
        return getattr(importlib.import_module(f"fer_lib.cli.{module}"), function)(options) or 0
    except KeyboardInterrupt:
        hint = "; the same command continues after the last finished epoch"
        print(f"\nstopped{hint if module == 'training' else ''}", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        hint = "" if "fer_lib[train]" in str(error) else "; install fer_lib[train]"
        print(f"{error}{hint}", file=sys.stderr)
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return 2
