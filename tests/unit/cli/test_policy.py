"""`stbernard policy list`."""

from pathlib import Path

import yaml
from typer.testing import CliRunner

from stbernard.api.policy import POLICIES
from stbernard.cli import app


def test_what_is_printed_is_a_policy_file_with_the_same_meaning(tmp_path: Path) -> None:
    config = tmp_path / "stbernard.conf"
    config.write_text("[DEFAULT]\nauth_strategy = keystone\n")
    (tmp_path / "policy.yaml").write_text('"baremetal:node:get": "role:reader"\n')
    first = CliRunner().invoke(app, ["policy", "list", "--config-file", str(config)])
    assert first.exit_code == 0, first.output
    rules = yaml.safe_load(first.output)
    assert rules.keys() == {policy.name for policy in POLICIES}
    assert rules["baremetal:node:get"] == "role:reader"
    assert "# PUT /v1/nodes/{ident}/states/provision" in first.output
    (tmp_path / "policy.yaml").write_text(first.output)
    again = CliRunner().invoke(app, ["policy", "list", "--config-file", str(config)])
    assert again.output == first.output


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    config = tmp_path / "stbernard.conf"
    config.write_text("[oslo_policy]\npolicy_file = mine.yaml\n")
    result = CliRunner().invoke(app, ["policy", "list", "--config-file", str(config)])
    assert result.exit_code == 1
    assert f"there is no file {tmp_path}/mine.yaml" in " ".join(result.output.split())
