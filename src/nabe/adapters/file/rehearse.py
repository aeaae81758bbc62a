"""Run as a script of its own: read a workbook once within limits of memory and time, as a test whether it can be read.

A damaged or hostile workbook of some kilobytes can make its reader take all memory or break off the process; here it
breaks off this one. Knows nothing of Nabe, so that it starts fast.
"""

import contextlib
import sys

#: Bytes of memory that reading a workbook may take.
MEMORY = 2_000_000_000


def main(path: str) -> None:
    """Read every sheet. Ends with an error if that fails in any way."""
    with contextlib.suppress(ImportError):  # only on Unix
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import CalamineWorkbook, PasswordError

    try:
        book = CalamineWorkbook.from_path(path)
    except PasswordError:
        return  # told by whoever reads it
    for name in book.sheet_names:
        book.get_sheet_by_name(name).to_python(skip_empty_area=False)


if __name__ == "__main__":
    main(sys.argv[1])
