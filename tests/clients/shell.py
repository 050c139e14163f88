"""curl, the program itself, in a loop that somebody wrote into a shell script."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.clients.poller import Line, Poller


class Curl(Poller):
    """No slash at the end, `Accept: */*`, and the last header as `added_after` with a `+` that is not encoded."""

    program = "curl"

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.after = ""

    def ask(self) -> None:
        while True:
            url = f"{self.line.objects.rstrip('/')}?limit=100{self.after}"
            command = [self.program, "--silent", "--fail", "--include", "--user", f"anybody:{self.line.key}", url]
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
            self.line.heard(url, 200)
            head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
            self.take(json.loads(body).get("objects", []))
            date = re.search(r"^x-taxii-date-added-last: (.*)Z$", head, re.IGNORECASE | re.MULTILINE)
            if date is None:
                return
            self.after = f"&added_after={date[1]}+00:00"

    @classmethod
    def there(cls) -> bool:
        """Whether this machine has the program."""
        return any(Path(folder, cls.program).exists() for folder in ("/usr/bin", "/usr/local/bin", "/bin"))
