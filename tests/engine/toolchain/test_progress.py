import io

from engine.toolchain.progress import Printer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_a_line_comes_at_most_every_15_seconds() -> None:
    now = 100.0
    stream = io.StringIO()
    printer = Printer(stream, clock=lambda: now)
    printer.say("building")
    for second in range(40):
        now = 100.0 + second
        printer.doing(f"package {second}")
    printer.clear()
    assert stream.getvalue() == "building\n  0:15  package 15\n  0:30  package 30\n"


def test_on_a_terminal_one_line_is_kept_up_to_date_and_taken_away() -> None:
    stream = Terminal()
    printer = Printer(stream, clock=lambda: 75.0)
    printer.doing("a")
    printer.doing("b")
    printer.say("done")
    assert stream.getvalue() == "\r\x1b[K  0:00  a\r\x1b[K  0:00  b\r\x1b[Kdone\n"
    printer.clear()
    assert stream.getvalue().endswith("done\n")
