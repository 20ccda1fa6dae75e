"""No call of the package is forgotten.

The package is what third parties use, so its quirks are part of the contract: doubled slashes in paths,
`app.` before embeds, `True` in capitals, models that fail on an unknown key.
"""

import ast
from pathlib import Path

from marathon import MarathonClient


def test_every_public_method_is_called_in_this_folder() -> None:
    """Each by name, on `client`."""
    called = {
        node.attr
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "client"
    }
    public = {name for name in vars(MarathonClient) if not name.startswith("_")}

    assert public - called == set()
