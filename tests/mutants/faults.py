"""The faults that are seeded: ways in which the project could quietly break."""

from dataclasses import dataclass

CHECKS = ("tests/stackfile/checks", "tests/stackfile/test_problems.py")
MERGING = ("tests/stackfile/test_merge.py",)
READING = (
    "tests/stackfile/test_nodes.py",
    "tests/stackfile/test_reader.py",
    "tests/stackfile/test_toplevel.py",
    "tests/stackfile/test_load.py",
    "tests/stackfile/keys",
)
PLAN = (
    "tests/planning/test_plan.py",
    "tests/planning/test_selection.py",
    "tests/test_examples.py",
)
RENDER = (
    "tests/targets/compose/test_render.py",
    "tests/targets/compose/test_hardening.py",
    "tests/test_examples.py",
)
SAFETY = ("tests/test_text_safety.py", "tests/targets/test_quoting.py")
WIRING = ("tests/planning/test_addressing.py",)
PROBES = ("tests/targets/compose/test_probes.py",)
STRANGERS = ("tests/test_safety.py",)
STATE = (
    "tests/workspace/test_state.py",
    "tests/places/engine/test_notes.py",
    "tests/places/processes/test_records.py",
)
FILES = (
    "tests/targets/test_output.py",
    "tests/workspace/test_secrets.py",
    "tests/system/test_files.py",
)
REFUSALS = (
    "tests/test_oserrors.py",
    "tests/test_paths.py",
    "tests/places/processes/test_control.py",
    "tests/system/test_identity.py",
    "tests/places/processes/test_environment.py",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One seeded fault, and the tests that should notice it."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


FAULTS = (
    # Checks
    Fault(
        "a cycle is no error",
        "composegen/stackfile/checks/needs.py",
        "cycle = find_cycle(graph)",
        "cycle = None",
        CHECKS,
    ),
    Fault(
        "an unknown service passes",
        "composegen/stackfile/checks/needs.py",
        "if need.service not in checked.stack.services:",
        "if False:",
        CHECKS,
    ),
    Fault(
        "finished of no job passes",
        "composegen/stackfile/checks/needs.py",
        "if need.until is Condition.FINISHED and not target.job:",
        "if False:",
        CHECKS,
    ),
    Fault(
        "healthy of an unasked service passes",
        "composegen/stackfile/checks/needs.py",
        "    if target.health is None:\n",
        "    if False:\n",
        CHECKS,
    ),
    Fault(
        "healthy of health: none passes",
        "composegen/stackfile/checks/needs.py",
        "elif target.health.kind is HealthKind.NONE:",
        "elif False:",
        CHECKS,
    ),
    Fault(
        "a default port is not counted",
        "composegen/values.py",
        "first, _, last = find_default(self.published).partition",
        "first, _, last = self.published.partition",
        CHECKS,
    ),
    Fault(
        "an open port clashes with nobody",
        "composegen/stackfile/checks/reach.py",
        '_EVERYWHERE = ("0.0.0.0", "::")',
        "_EVERYWHERE = ()",
        CHECKS,
    ),
    Fault(
        "replicas share a published port",
        "composegen/stackfile/checks/data.py",
        "if any(p.published and len(p.host_ports) < count for p in service.publish):",
        "if False:",
        CHECKS,
    ),
    Fault(
        "a variable is wired twice",
        "composegen/stackfile/checks/variables.py",
        "if variable in seen and seen[variable] != path:",
        "if False:",
        CHECKS,
    ),
    Fault(
        "an env file brings variables back unnoticed",
        "composegen/stackfile/checks/variables.py",
        "if variable in service.env_file_names:",
        "if False:",
        CHECKS,
    ),
    Fault(
        "a visible password is not told",
        "composegen/stackfile/checks/variables.py",
        "if filled.carries_password:",
        "if False:",
        CHECKS,
    ),
    Fault(
        "a probe without a tool passes",
        "composegen/stackfile/checks/health.py",
        "if not can_ask(health) and",
        "if False and",
        CHECKS,
    ),
    Fault(
        "boot shorter than a probe passes",
        "composegen/stackfile/checks/health.py",
        "if health.boot.seconds < health.timeout.seconds:",
        "if False:",
        CHECKS,
    ),
    Fault(
        "secrets in a build context are not told",
        "composegen/stackfile/checks/secrets.py",
        "if is_there and checked.folder.is_sent_to_build(file, service.build)",
        "if False",
        CHECKS,
    ),
    Fault(
        "a literal secret is not told",
        "composegen/stackfile/checks/secrets.py",
        "return bool(_SECRET_WORDS.search(variable))",
        "return False",
        CHECKS,
    ),
    Fault(
        "latest is a version",
        "composegen/images/facts.py",
        'self.tag not in {"", "latest"}',
        'self.tag not in {""}',
        CHECKS,
    ),
    Fault(
        "a store's raw network is not told",
        "composegen/stackfile/checks/reach.py",
        "if names and service.is_store:",
        "if False:",
        CHECKS,
    ),
    # Reading
    Fault(
        "the last of duplicate keys wins",
        "composegen/stackfile/nodes.py",
        "elif key.value in own:",
        "elif False:",
        READING,
    ),
    Fault(
        "unknown keys are passed over",
        "composegen/stackfile/reader.py",
        'self.add("unknown-key", f"{where} has no key',
        'self.source.file or self.add("unknown-key", f"{where} has no key',
        READING,
    ),
    Fault(
        "depth has no limit",
        "composegen/stackfile/limits.py",
        "MAX_DEPTH = 50",
        "MAX_DEPTH = 51",
        READING,
    ),
    Fault(
        "aliases expand without end",
        "composegen/stackfile/limits.py",
        "MAX_ALIASED = 100_000",
        "MAX_ALIASED = 10**30",
        READING,
    ),
    Fault(
        "a file may be of any size",
        "composegen/stackfile/nodes.py",
        "MAX_BYTES = 1024 * 1024",
        "MAX_BYTES = 1024 * 1024 * 64",
        READING,
    ),
    Fault(
        "columns count from 0",
        "composegen/stackfile/nodes.py",
        "column=column + 1,",
        "column=column,",
        READING,
    ),
    Fault(
        "null removes nothing",
        "composegen/stackfile/merge.py",
        "            merged.pop(key, None)\n",
        "            pass\n",
        MERGING,
    ),
    Fault(
        "volumes replace instead of merging",
        "composegen/stackfile/keys/service.py",
        ", merge=mounts.merge_mounts",
        "",
        MERGING,
    ),
    Fault(
        "own health keeps the recipe's kind",
        "composegen/stackfile/keys/health.py",
        '    if "kind" in own:\n',
        "    if False:\n",
        MERGING,
    ),
    Fault(
        "one-letter volumes pass",
        "composegen/stackfile/keys/mounts.py",
        "        if mount.source:\n            return mount\n",
        "        return mount\n",
        READING,
    ),
    Fault(
        "a plain dollar passes",
        "composegen/values.py",
        'raise BadVariable(start, "no variable follows this `$`")',
        'return Variable("x", "", "", start, start + 1)',
        READING,
    ),
    Fault(
        "the first problem hides the others",
        "composegen/stackfile/problems.py",
        "        if key not in self._found:\n",
        "        if not self._found:\n",
        READING,
    ),
    Fault(
        "a left-out service is started all the same",
        "composegen/planning/selection.py",
        "        if name not in out\n    }\n    roots",
        "        if True\n    }\n    roots",
        PLAN,
    ),
    Fault(
        "--with forgets what is required",
        "composegen/planning/selection.py",
        "if not service.enabled and service.name not in brought",
        "if not service.enabled and service.name not in selection.added",
        PLAN,
    ),
    Fault(
        "a published service goes with its dependant",
        "composegen/planning/selection.py",
        "    if selection.removed:\n        whole",
        "    if False:\n        whole",
        PLAN,
    ),
    Fault(
        "a required service may be missing",
        "composegen/planning/selection.py",
        "    if missing is not None:\n        raise SelectionError",
        "    if False:\n        raise SelectionError",
        PLAN,
    ),
    Fault(
        "a gate is dropped",
        "composegen/planning/plan.py",
        "        gates=tuple(gates),",
        "        gates=tuple(gates[1:]),",
        PLAN,
    ),
    Fault(
        "an optional gate is required",
        "composegen/planning/plan.py",
        "is_optional=need.is_optional",
        "is_optional=False",
        PLAN,
    ),
    Fault(
        "the fallback's environment is forgotten",
        "composegen/planning/plan.py",
        "            environment |= need.otherwise.env\n",
        "            pass\n",
        PLAN,
    ),
    Fault(
        "the fallback's replicas are forgotten",
        "composegen/planning/plan.py",
        "min(fewer, default=service.replicas)",
        "service.replicas",
        PLAN,
    ),
    Fault(
        "a left-out need stays wired",
        "composegen/planning/plan.py",
        "            absent += need.env\n",
        "            environment |= need.env\n",
        PLAN,
    ),
    Fault(
        "worst waits do not add up",
        "composegen/planning/plan.py",
        "    return target.worst_ready\n",
        "    return target.worst_wait\n",
        PLAN,
    ),
    # Wiring
    Fault(
        "a secret's value is written out",
        "composegen/planning/placeholders.py",
        "            return self._carry(credentials.password_secret)\n",
        "            return credentials.password_secret\n",
        WIRING,
    ),
    Fault(
        "a password is not encoded",
        "composegen/planning/placeholders.py",
        'return encode_url(text) if word in {"user", "password", "database"} else text',
        "return text",
        WIRING,
    ),
    Fault(
        "{url_file} mounts nothing",
        "composegen/planning/placeholders.py",
        "        self.mounts.append(name)\n",
        "",
        WIRING,
    ),
    Fault(
        "a store's network is forgotten",
        "composegen/planning/networks.py",
        "    if service.is_store:\n        networks.append(service.name)\n",
        "",
        (*WIRING, *RENDER),
    ),
    Fault(
        "a store is on the default network",
        "composegen/planning/networks.py",
        "if not service.is_store or service.publish:",
        "if True:",
        (*WIRING, *RENDER),
    ),
    # Rendering
    Fault(
        "required: false is lost",
        "composegen/targets/compose/render.py",
        '                entry["required"] = False\n',
        "                pass\n",
        RENDER,
    ),
    Fault(
        "a job is restarted",
        "composegen/targets/compose/render.py",
        '"no" if step.service.job else "unless-stopped"',
        '"unless-stopped"',
        RENDER,
    ),
    Fault(
        "--engine 24 gets start_interval",
        "composegen/targets/compose/render.py",
        "if self.options.engine >= OLDEST_START_INTERVAL:",
        "if True:",
        RENDER,
    ),
    Fault(
        "a store's network is not internal",
        "composegen/targets/compose/render.py",
        '{"internal": True}',
        '{"internal": False}',
        RENDER,
    ),
    Fault(
        "capabilities are not dropped",
        "composegen/targets/compose/hardening.py",
        '("cap_drop", "cap_drop", ["ALL"], [])',
        '("cap_drop", "cap_drop", [], [])',
        RENDER,
    ),
    Fault(
        "a tmpfs belongs to root",
        "composegen/targets/compose/hardening.py",
        'yield f"{folder}:uid={ids[0]},gid={ids[1]}" if ids[0] else folder',
        "yield folder",
        RENDER,
    ),
    Fault(
        "the facts' user is not written",
        "composegen/targets/compose/hardening.py",
        '        keys["user"] = user\n',
        "        pass\n",
        RENDER,
    ),
    Fault(
        "facts ignore the tag",
        "composegen/images/facts.py",
        "if any(\n            fnmatchcase(tag, pattern)",
        "if not any(\n            fnmatchcase(tag, pattern)",
        ("tests/images/test_facts.py", *RENDER),
    ),
    Fault(
        "paths do not move with the output",
        "composegen/targets/compose/paths.py",
        'return moved if moved.startswith("..") else f"./{moved}"',
        "return path",
        ("tests/targets/compose/test_paths.py", *RENDER),
    ),
    # Quoting
    Fault(
        "yes is written plain",
        "composegen/targets/quoting.py",
        "y n yes no true false on off",
        "y n no true false on off",
        SAFETY,
    ),
    Fault(
        "a quote is lost",
        "composegen/targets/quoting.py",
        """return '"' + _ESCAPED.sub(_escape, text) + '"'""",
        """return '"' + _ESCAPED.sub(_escape, text)""",
        SAFETY,
    ),
    Fault(
        "a backslash is not escaped",
        "composegen/targets/quoting.py",
        r"""'[\x00-\x1f"\\\\\x7f""",
        r"""'[\x00-\x1f"\x7f""",
        SAFETY,
    ),
    Fault(
        "numbers are written plain",
        "composegen/targets/quoting.py",
        'r"(?:[A-Za-z/]|',
        'r"(?:[A-Za-z0-9/]|',
        SAFETY,
    ),
    Fault(
        "a comment can end its line",
        "composegen/targets/quoting.py",
        "character if character.isprintable() else ascii(character)[1:-1]\n        for character in text\n    )",
        "character for character in text\n    )",
        (*SAFETY, "tests/targets/compose/test_render.py"),
    ),
    # Probes
    Fault(
        "a 404 is healthy",
        "composegen/targets/compose/probes.py",
        "raise SystemExit(not 200<=c.getresponse().status<400)",
        "raise SystemExit(not 200<=c.getresponse().status<500)",
        PROBES,
    ),
    Fault(
        "curl asks the proxy",
        "composegen/targets/compose/probes.py",
        '"--noproxy", "*"',
        '"--noproxy", "nowhere"',
        PROBES,
    ),
    Fault(
        "python reads the working folder",
        "composegen/targets/compose/probes.py",
        'return ["CMD", program, "-I", "-c", code]\n\n    return make\n\n\ndef _node_http',
        'return ["CMD", program, "-c", code]\n\n    return make\n\n\ndef _node_http',
        PROBES,
    ),
    # Files
    Fault(
        "a foreign file is overwritten",
        "composegen/targets/output.py",
        "    if old is None or not is_untouched(old):",
        "    if False:",
        FILES,
    ),
    Fault(
        "the checksum counts nothing",
        "composegen/targets/header.py",
        "return hashlib.sha256(without.encode()).hexdigest() == match[1]",
        "return True",
        (*FILES, "tests/targets/test_header.py"),
    ),
    Fault(
        "secrets are made anew",
        "composegen/workspace/secrets.py",
        "text = old or _generate()",
        "text = _generate()",
        FILES,
    ),
    Fault(
        "an empty variable empties a secret",
        "composegen/workspace/secrets.py",
        'text = values.get(secret.source) or old or ""',
        'text = values.get(secret.source) or ""',
        FILES,
    ),
    Fault(
        "a symbolic link of .secrets is followed",
        "composegen/workspace/secrets.py",
        "if is_link(folder) or",
        "if",
        FILES,
    ),
    Fault(
        "a file may be half-written",
        "composegen/system/files.py",
        "        Path(name).replace(path)\n",
        "        Path(path).write_text(text[: len(text) // 2])\n",
        FILES,
    ),
    # A stranger's folder
    Fault(
        "a pipe is waited for",
        "composegen/paths.py",
        'flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)',
        "flags = os.O_RDONLY | os.O_CLOEXEC",
        STRANGERS,
    ),
    Fault(
        "a device in the folder is written to",
        "composegen/targets/output.py",
        "if is_named and exists(path) and not is_file(path):",
        "if exists(path) and not is_file(path):",
        STRANGERS,
    ),
    Fault(
        "a stack file that leads out is shown",
        "composegen/cli/options.py",
        "if is_link(path) and not leads_inside(path, path.parent):",
        "if False:",
        STRANGERS,
    ),
    Fault(
        "a Dockerfile's line is shown as its port",
        "composegen/images/dockerfile.py",
        "[port for port in rest.split() if _EXPOSED.fullmatch(port)]",
        "rest.split()",
        STRANGERS,
    ),
    Fault(
        "a difference steers the terminal",
        "composegen/terminal/console.py",
        'escape_control(error.difference, keep="\\n\\t")',
        "error.difference",
        STRANGERS,
    ),
    # State files of a project folder
    Fault(
        "a state file that a checkout brings is read",
        "composegen/workspace/state.py",
        "    if found.st_mode & _FOR_OTHERS:\n",
        "    if False:\n",
        STATE,
    ),
    Fault(
        "a link in place of a state file is followed",
        "composegen/workspace/state.py",
        "_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW",
        "_FILE_FLAGS = os.O_RDONLY",
        STATE,
    ),
    Fault(
        "a state folder of another user is read",
        "composegen/workspace/state.py",
        "    shown = shlex.quote(show_path(path))\n"
        "    if found.st_uid != os.geteuid():\n",
        "    shown = shlex.quote(show_path(path))\n    if False:\n",
        STATE,
    ),
    Fault(
        "notes choose the engine",
        "composegen/places/engine/notes.py",
        "    if noted == chosen:\n",
        "    if True:\n",
        STATE,
    ),
    Fault(
        "a run's record names any file as its socket",
        "composegen/places/processes/records.py",
        'expect(is_own, "socket", "where composegen puts it")',
        "pass",
        STATE,
    ),
    Fault(
        "a service's record names any container",
        "composegen/places/processes/records.py",
        'expect(is_own, "container", f"a container of {service}")',
        "pass",
        STATE,
    ),
    # What the system refuses
    Fault(
        "a process is gone where nobody could look",
        "composegen/system/guardian.py",
        "    if error.errno in _SHORTAGES:\n        raise error\n",
        "    del error\n",
        REFUSALS,
    ),
    Fault(
        "no file handle is kept for who knocks",
        "composegen/places/processes/control.py",
        "            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)\n",
        "            self._spare = -1\n",
        REFUSALS,
    ),
    Fault(
        "a closed folder is not named",
        "composegen/oserrors.py",
        "        if is_folder and not may(folder, os.X_OK):\n",
        "        if False:\n",
        REFUSALS,
    ),
    Fault(
        "a look at a path is not guarded",
        "composegen/places/processes/environment.py",
        "        if is_file(candidate) and may(candidate, os.X_OK):\n",
        "        if candidate.is_file() and may(candidate, os.X_OK):\n",
        REFUSALS,
    ),
    # Runs that go on
    Fault(
        "a cancel that comes with the exit of a check is lost",
        "composegen/system/children.py",
        "            await asyncio.wait({exited}, timeout=timeout)\n",
        "            await asyncio.wait_for(asyncio.shield(exited), timeout)\n",
        ("tests/system/test_children.py",),
    ),
    Fault(
        "a gate latches",
        "composegen/places/processes/gates.py",
        "    if needed.is_well or (",
        "    if needed.settled.done() or (",
        ("tests/places/processes/test_gates.py",),
    ),
    Fault(
        "an optional dependency that is away is waited for without end",
        "composegen/places/processes/gates.py",
        "    return Verdict.OPEN if gate.is_optional and is_late else Verdict.CLOSED\n",
        "    return Verdict.CLOSED\n",
        ("tests/places/processes/test_gates.py",),
    ),
    Fault(
        "a note that fails ends the run",
        "composegen/places/processes/upkeep.py",
        "            self._say_failed(error)\n            return False\n"
        "        self._is_failing = False\n",
        "            raise\n        self._is_failing = False\n",
        ("tests/places/processes/test_upkeep.py",),
    ),
    Fault(
        "a write waits for a reader who does not read",
        "composegen/terminal/writer.py",
        "                self._skipped += 1\n                return\n",
        "                self._changed.wait()\n",
        ("tests/terminal/test_writer.py",),
    ),
    Fault(
        "the third signal waits for the loop",
        "composegen/places/processes/run.py",
        "            else:  # the guardian sees to the rest\n                os._exit(code)",
        "            else:\n                loop.call_soon_threadsafe(os._exit, code)",
        ("tests/test_run_command.py",),
    ),
    Fault(
        "a hang-up that nohup lets be ignored ends a run",
        "composegen/system/signals.py",
        "        if signal.getsignal(number) is not signal.SIG_IGN\n",
        "",
        ("tests/test_run_command.py",),
    ),
    Fault(
        "each service that stops looks through all processes",
        "composegen/system/process.py",
        "        if self._seen is None or self._seen.begun < max(since, now - self.pause):\n",
        "        if True:\n",
        ("tests/system/test_guardian.py",),
    ),
)
