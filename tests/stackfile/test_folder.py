"""What the stack's folder says: env files, Dockerfiles."""

from __future__ import annotations

from tests.stacks import Files, load_app, load_services, make_stack


def test_names_in_env_files_are_known_and_their_values_are_not_kept() -> None:
    files: Files = {"a.env": "# no\nA=hush\nexport B = x\n\nC\nD: y\n"}

    app = load_app("env_file: a.env", files)

    assert app.env_file_names == {"A", "B", "C", "D"}
    assert "hush" not in repr(app)


def test_a_dockerfile_says_how_its_image_is() -> None:
    files: Files = {
        "app/Dockerfile": "FROM node:22-slim\nUSER node\nEXPOSE 80\nHEALTHCHECK CMD x\n"
    }
    text = make_stack(app="build: ./app\nport: 3000\nhealth: /")

    app = load_services(text, files)["app"]

    assert app.build is not None
    assert (app.build.base_image, app.build.user) == ("node:22-slim", "node")
    assert app.build.has_healthcheck
    assert app.build.exposed == ("80",)
    assert app.health is not None
    assert app.health.tools == ("node",)


def test_paths_with_variables_are_read_by_their_defaults() -> None:
    files: Files = {"app/web.df": "FROM node:22-slim AS run\n", "a.env": "A=hush\n"}
    text = make_stack(
        app="build: {context: '${CTX:-app}', dockerfile: '${DF:-web.df}', "
        "target: '${TARGET:-run}'}\nenv_file: ${EF:-a.env}\nport: 1\nhealth: /"
    )

    app = load_services(text, files)["app"]

    assert app.build is not None
    assert app.build.base_image == "node:22-slim"
    assert app.build.options["context"] == "${CTX:-app}"
    assert app.env_file == ("${EF:-a.env}",)
    assert app.env_file_names == {"A"}
