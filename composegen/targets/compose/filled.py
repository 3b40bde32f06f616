"""Made by `make templates` from templates/compose/compose.yaml.j2: change that."""

from collections.abc import Mapping
from typing import Any

from composegen.targets.quoting import (
    begin_key,
    is_nested,
    quote_scalar,
    write_block,
    write_comment,
    write_flow,
)


def fill(context: Mapping[str, Any]) -> str:
    """The text of compose.yaml.j2 for a context."""
    source = context['source']
    flags = context['flags']
    plain_use = context['plain_use']
    excluded = context['excluded']
    optional_lines = context['optional_lines']
    secret_lines = context['secret_lines']
    name = context['name']
    extensions = context['extensions']
    anchor = context['anchor']
    defaults = context['defaults']
    services = context['services']
    networks = context['networks']
    volumes = context['volumes']
    secrets = context['secrets']
    others = context['others']
    parts: list[str] = []
    add = parts.append
    one_line = ('networks', 'secrets', 'cap_add', 'cap_drop', 'tmpfs', 'command', 'entrypoint', 'security_opt', 'group_add', 'dns',)
    add('# Made by composegen from ')
    add(write_comment(source))
    add('. Change that file, not this one, and run:\n# composegen render')
    add(write_comment((f"{' '}{flags}" if flags else '')))
    add('\n')
    if plain_use:
        add('#\n# Without composegen: ')
        add(write_comment(plain_use))
        add('\n')
    for count_0, out in enumerate(excluded):
        if count_0 == 0:
            add('#\n')
        add('# Excluded: ')
        add(write_comment(out.service))
        add(' (')
        add(write_comment(out.reason))
        add(').\n')
        for fallback in out.fallbacks:
            add('#   ')
            add(write_comment(fallback.service))
            add(': ')
            add(write_comment(str(fallback)))
            add('\n')
    for count_0, line in enumerate(optional_lines):
        if count_0 == 0:
            add('#\n# Optional services. When one fails, `docker compose up` starts the services below with\n# its address all the same. `composegen up` starts them with their fallbacks instead.\n')
        add('#   ')
        add(write_comment(line))
        add('\n')
    for count_0, line in enumerate(secret_lines):
        if count_0 == 0:
            add('#\n# Its secret files are made by `composegen secrets`, or by hand:\n')
        add('#   ')
        add(write_comment(line))
        add('\n')
    add('\n')
    if name:
        add('name: ')
        add(quote_scalar(name))
        add('\n\n')
    for (key, value,) in extensions.items():
        add(begin_key(key))
        add(write_block(value, 2))
        add('\n\n')
    add('# What every service has unless it says otherwise.\n')
    add(begin_key(anchor))
    add(' &defaults\n')
    for setting in defaults:
        add('  ')
        add(begin_key(setting.key))
        add(' ')
        add(write_flow(setting.value))
        if setting.comment:
            add('  # ')
            add(write_comment(setting.comment))
        add('\n')
    add('\nservices:\n')
    for service in services:
        add('  ')
        add(begin_key(service.name))
        add('\n')
        for comment in service.comments:
            add('    # ')
            add(write_comment(comment))
            add('\n')
        if service.has_defaults:
            add('    <<: *defaults\n')
        for setting in service.settings:
            if ((not is_nested(setting.value)) or ((setting.key in one_line) and (not isinstance(setting.value, Mapping)))):
                add('    ')
                add(begin_key(setting.key, 4))
                add(' ')
                add(write_flow(setting.value))
                if setting.comment:
                    add('  # ')
                    add(write_comment(setting.comment))
                add('\n')
            else:
                if setting.comment:
                    add('    # ')
                    add(write_comment(setting.comment))
                    add('\n')
                if (setting.key == 'healthcheck'):
                    add('    healthcheck:\n')
                    for (key, value,) in setting.value.items():
                        add('      ')
                        add(begin_key(key))
                        add(' ')
                        add(write_flow(value))
                        add('\n')
                else:
                    add('    ')
                    add(begin_key(setting.key, 4))
                    add(write_block(setting.value, 6))
                    add('\n')
        add('\n')
    for (title, entries,) in (('networks', networks,), ('volumes', volumes,), ('secrets', secrets,),):
        if entries:
            add(begin_key(title))
            add(write_block(entries, 2))
            add('\n\n')
    for (key, value,) in others.items():
        add(begin_key(key))
        add(write_block(value, 2))
        add('\n\n')
    return "".join(parts)
