"""What a run of ansible-playbook printed."""

from dataclasses import dataclass


@dataclass
class Play:
    """The end of a run."""

    status: int
    output: str
    hosts: dict[str, dict[str, int]]  # its recap

    def changed(self) -> int:
        return sum(host["changed"] for host in self.hosts.values())

    def says(self, text: str) -> bool:
        """Whether it was printed; Ansible breaks its lines anywhere."""
        return text in " ".join(self.output.split())

    def changes(self) -> str:
        """The tasks that changed something, with their differences."""
        tasks = self.output.split("\nTASK [")
        return "\nTASK [".join(task for task in tasks if "\nchanged: [" in task)


def parse_recap(output: str) -> dict[str, dict[str, int]]:
    hosts = {}
    for line in output.rpartition("PLAY RECAP")[2].splitlines()[1:]:
        name, _, counts = line.partition(":")
        if "ok=" in counts:
            pairs = (pair.split("=") for pair in counts.split())
            hosts[name.strip()] = {key: int(value) for key, value in pairs}
    return hosts
