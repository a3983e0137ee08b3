"""The protections in SECURITY.md, each broken in one place, and the tests for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One change of the program that breaks a protection.

    `old` occurs exactly once, in one file of the program; `new` replaces it. `tests` are pytest's
    names of those that must then fail.
    """

    name: str
    old: str
    new: str
    tests: tuple[str, ...]


def _of(row: str, *mutants: tuple[str, str, str, str]) -> list[Mutant]:
    """The mutants of one row. Each one's tests are split by spaces, with `::` after the file."""
    return [
        Mutant(f"{row}: {what}", old, new, tuple(f"tests/{each}" for each in tests.split()))
        for what, old, new, tests in mutants
    ]


_ESCAPES = (
    "mail/test_escape_properties.py::test_a_value_is_shown_letter_by_letter_in_every_face "
    "mail/test_escape_properties.py::test_a_value_adds_no_link_and_no_element_but_line_breaks"
)
_ONE_LINE = (
    "mail/test_escape_properties.py::test_a_subject_is_one_clean_line "
    "mail/test_attacks.py::test_any_name_makes_a_mail_to_one_person"
)
_SANDBOX = "mail/test_template.py::test_a_template_reaches_nothing_but_its_words"
_BAD_TLS = "smtp/test_relay_sign_in.py::test_who_does_not_prove_to_be_the_host_is_shown_nothing"
_VISITORS = "google_rehearsal/test_visitors.py"
_STORY = "drill/test_rehearse.py::test_no_step_of_a_story_leaves_the_rehearsal"
_FILES_OF_A_STORY = "drill/test_rehearse.py::test_no_file_of_any_command_is_outside_the_story"
_SIGN_IN = "google/test_google_sign_in.py"
_TRANSPORT = "google/test_google_transport.py"

MUTANTS = [
    *_of(
        "a customer's text",
        (
            "brackets of a tag are markup",
            r'_ALWAYS = re.compile(r"[\\|`*_\[\]<>&~()#]")',
            r'_ALWAYS = re.compile(r"[\\|`*_\[\]~()#]")',
            _ESCAPES,
        ),
        (
            "brackets of a link are markup",
            r'_ALWAYS = re.compile(r"[\\|`*_\[\]<>&~()#]")',
            r'_ALWAYS = re.compile(r"[\\|`*_<>&~#]")',
            _ESCAPES,
        ),
        (
            "a number begins a list",
            r'_AT_START = re.compile(r"^(?:[-+=.]|\d{1,9}\.)")',
            r'_AT_START = re.compile(r"(?!)")',
            _ESCAPES,
        ),
        (
            "control characters stay",
            '    text = _UNPRINTABLE.sub("", text)\n',
            "",
            _ESCAPES,
        ),
        (
            "values are printed as they are",
            "self._bodies = make_environment(load, as_text, lang, shared)",
            "self._bodies = make_environment(load, str, lang, shared)",
            "mail/test_template.py",
        ),
        (
            "a subject holds line breaks",
            r'_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")',
            r'_BREAKS = re.compile(r"[ ]+")',
            _ONE_LINE,
        ),
        (
            "a name turns the header's direction",
            r'_REACHING = re.compile("[\u202a-\u202e\u2066-\u2069]")',
            r'_REACHING = re.compile("(?!)")',
            _ONE_LINE,
        ),
        (
            "the terminal obeys a name",
            "        shown = printable(text)\n",
            "        shown = text\n",
            "setup/test_secrets.py::test_no_name_is_a_command_to_the_terminal",
        ),
        (
            "the terminal obeys JSON",
            "self._write(self.out, plain_json(value) + ",
            "self._write(self.out, json.dumps(value, ensure_ascii=False) + ",
            "setup/test_secrets.py::"
            "test_json_holds_no_command_to_the_terminal_and_reads_back_as_it_was",
        ),
        (
            "the terminal obeys a wrong usage",
            "sys.stderr.write(printable(sentence) + ",
            "sys.stderr.write(sentence + ",
            "setup/test_secrets.py::test_no_wrong_usage_is_a_command_to_the_terminal",
        ),
        (
            "the terminal obeys a question",
            'self._styled(self.people, printable(question), "strong")',
            'self._styled(self.people, question, "strong")',
            "setup/test_secrets.py::test_no_question_is_a_command_to_the_terminal",
        ),
        (
            "a completed title is code",
            "return [(word, _harmless(help_)) for word, help_ in found if word == _harmless(word)]",
            "return found",
            "cli/test_command_line_habits.py::test_no_title_is_code_of_the_shell",
        ),
    ),
    *_of(
        "a malicious list",
        (
            "a mail has the address unchecked",
            'checked = f"<{ascii_address(header, address)}>"',
            'checked = f"<{address}>"',
            "mail/test_message.py mail/test_attacks.py",
        ),
        (
            "rows are read as one list",
            "        _rows=_sort_rows(rest, header),",
            "        _rows=iter(list(_sort_rows(rest, header))),",
            "mail/test_list_properties.py::test_a_long_list_is_read_as_a_stream",
        ),
        (
            "the text is decoded as a whole",
            'return io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline="")',
            'return io.StringIO(content.decode(encoding), newline="")',
            "mail/test_list_properties.py::test_a_long_list_is_read_as_a_stream",
        ),
        (
            "a stray quotation mark swallows rows",
            "quotechar=quote,\n        strict=True,",
            "quotechar=quote,\n        strict=False,",
            "mail/test_list_exports.py::test_every_row_of_an_export_is_accounted_for",
        ),
        (
            "a bad row stops nothing",
            "if plan.bad_rows and not plan.request.skip_bad:\n        first, number =",
            "if False:\n        first, number =",
            "cli/test_bad_input.py::test_bad_rows_stop_the_notice_unless_they_are_left_out",
        ),
        (
            "the plan that was agreed to is not the one that is sent",
            "if count.hash != plan.count.hash or count.waiting != plan.count.waiting:",
            "if count.waiting != plan.count.waiting:",
            "sending/test_exactly_once.py::test_a_list_that_is_not_the_one_agreed_to_is_not_sent",
        ),
        (
            "any number is agreement",
            "if typed == plan.new or 0 < typed == first < plan.new:",
            "if True:",
            "cli/test_bad_input.py::test_a_wrong_number_sends_nothing",
        ),
    ),
    *_of(
        "a template's author",
        (
            "names with an underscore are read",
            'if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):',
            "if False:",
            "mail/test_template.py::test_a_template_is_told_what_it_can_not_do",
        ),
        (
            "functions are called",
            "    if isinstance(node, nodes.Call):\n",
            "    if False:\n",
            "mail/test_template.py::test_a_template_is_told_what_it_can_not_do",
        ),
        (
            "any construct goes",
            "if not isinstance(node, _ALLOWED_NODES):",
            "if False:",
            _SANDBOX,
        ),
        (
            "all of Jinja2's globals stay",
            "    environment.globals.clear()\n",
            "",
            "mail/test_template.py::test_what_jinja2_has_by_itself_is_not_there_for_a_mail",
        ),
        ("all of Jinja2's filters stay", "    environment.filters = kept\n", "", _SANDBOX),
        (
            "methods are read",
            "return self.undefined(obj=obj, name=attribute) if callable(found) else found",
            "return found",
            _SANDBOX,
        ),
        (
            "an include leads out of its folder",
            "if path.is_relative_to(folder.resolve()) and path.is_file():\n                _refuse",
            "if path.is_file():\n                _refuse",
            "setup/test_secrets.py::test_an_include_leads_nowhere_but_to_a_template",
        ),
        (
            "an include reads any kind of file",
            "if Path(name).suffix.lower() != _SUFFIX:\n        raise MailTemplateBad(\n"
            '            f"{template.name} includes',
            'if False:\n        raise MailTemplateBad(\n            f"{template.name} includes',
            "setup/test_secrets.py::test_an_include_leads_nowhere_but_to_a_template",
        ),
        (
            "an include reads the program's own files",
            "                _refuse_private(template, name, path)\n",
            "",
            "setup/test_secrets.py::test_an_include_leads_nowhere_but_to_a_template",
        ),
        (
            "an attachment is the sign-in",
            '    if private.hold(path):\n        raise BadInput(\n            f"{where}',
            '    if False:\n        raise BadInput(\n            f"{where}',
            "setup/test_secrets.py::test_no_file_of_this_programs_own_is_attached",
        ),
        (
            "an attachment is a link to elsewhere",
            '    if path.is_symlink():\n        raise BadInput(f"{where} is a link',
            '    if False:\n        raise BadInput(f"{where} is a link',
            "setup/test_secrets.py::test_an_attachment_is_a_file_and_no_link_to_another",
        ),
        (
            "a cell names a file anywhere",
            "if not path.is_relative_to(self.folder.resolve()) or self.private.hold(path):",
            "if self.private.hold(path):",
            "notice/test_first_mails.py::test_a_file_that_is_not_right_is_named_before_any_mail",
        ),
    ),
    *_of(
        "another user of the machine",
        (
            "a written file is for all to read",
            "os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)",
            "os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o644)",
            "setup/test_secrets.py::test_everything_that_is_kept_is_for_its_owner_alone",
        ),
        (
            "the sign-in is for all to read",
            "os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)",
            "os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)",
            "setup/test_secrets.py::test_everything_that_is_kept_is_for_its_owner_alone",
        ),
        (
            "the ledger is for all to read",
            "        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))\n    except",
            "        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o644))\n    except",
            "setup/test_secrets.py::test_everything_that_is_kept_is_for_its_owner_alone",
        ),
        (
            "a sign-in that all can read is used",
            'if os.name == "posix" and mode & 0o077:\n        raise SignInNeeded(\n'
            '            f"The sign-in in',
            'if False:\n        raise SignInNeeded(\n            f"The sign-in in',
            f"{_SIGN_IN}::test_a_sign_in_that_others_can_read_is_not_used",
        ),
        (
            "a service account's key that all can read is used",
            'if os.name == "posix" and mode & 0o077:\n            raise SignInNeeded(\n'
            '                f"The service',
            'if False:\n            raise SignInNeeded(\n                f"The service',
            "google/test_google_unattended.py"
            "::test_a_key_that_is_not_there_or_open_to_others_is_refused",
        ),
        (
            "another user's home is trusted",
            "if os.getuid() not in {0, found.st_uid}:",
            "if False:",
            "setup/test_secrets.py::test_a_home_of_another_user_is_not_trusted",
        ),
        (
            "a foreign server drips for ever",
            "contextlib.closing(connection), _cut_off(connection):",
            "contextlib.closing(connection):",
            "google_rehearsal/test_lifecycle.py::test_a_foreign_server_holds_nobody_up",
        ),
        (
            "a sign-in that is a link is used",
            "        if path.is_symlink():\n            raise SignInNeeded(",
            "        if False:\n            raise SignInNeeded(",
            "setup/test_secrets.py::test_a_sign_in_that_is_a_link_is_not_used",
        ),
        (
            "a group may write into the home",
            "_WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH",
            "_WRITTEN_BY_OTHERS = stat.S_IWOTH",
            "setup/test_secrets.py::test_no_folder_that_others_may_write_to_is_trusted",
        ),
        (
            "everybody may write into the home",
            "_WRITTEN_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH",
            "_WRITTEN_BY_OTHERS = stat.S_IWGRP",
            "setup/test_secrets.py::test_a_home_that_everybody_may_write_to_is_not_trusted "
            "setup/test_secrets.py::test_no_folder_that_others_may_write_to_is_trusted",
        ),
        (
            "the home's folders are not looked at",
            "    refuse_open_to_others(settings.profile_folder, *settings.own_folders)\n",
            "",
            "setup/test_secrets.py::test_no_folder_that_others_may_write_to_is_trusted",
        ),
        (
            "a config that others wrote is read",
            "    _refuse_written_by_others(path)\n",
            "",
            "setup/test_secrets.py::test_a_config_that_others_may_write_is_not_read",
        ),
        (
            "the server runs what lies in its folder",
            '[sys.executable, "-P", "-m", "google_rehearsal",',
            '[sys.executable, "-m", "google_rehearsal",',
            "setup/test_secrets.py::"
            "test_the_rehearsals_server_runs_no_code_that_lies_in_its_folder",
        ),
        (
            "a step runs what lies in its folder",
            '[sys.executable, "-P", "-m", "workflow", *arguments],',
            '[sys.executable, "-m", "workflow", *arguments],',
            "setup/test_secrets.py::test_a_step_of_a_rehearsal_runs_no_code_that_lies_in_its_folder",
        ),
        (
            "an empty path is the folder with data",
            "return [each for each in named.split(os.pathsep) if Path(each).is_absolute()]",
            "return named.split(os.pathsep)",
            "setup/test_secrets.py::test_a_step_of_a_rehearsal_runs_no_code_that_lies_in_its_folder",
        ),
        (
            "a rehearsal on the page runs what lies in the current folder",
            '[sys.executable, "-P", "-m", "workflow", "rehearse", scenario.name, "--json"],',
            '[sys.executable, "-m", "workflow", "rehearse", scenario.name, "--json"],',
            "setup/test_secrets.py::"
            "test_a_rehearsal_on_the_page_runs_no_code_of_the_folder_that_a_person_is_in",
        ),
        (
            "a config of another user is read",
            "if os.getuid() != 0 and found.st_uid not in {0, os.getuid()}:",
            "if False:",
            "setup/test_secrets.py::test_a_config_of_another_user_is_not_read",
        ),
        (
            "a command runs what lies in the current folder",
            "    _leave_current_folder_out()\n",
            "",
            "setup/test_secrets.py::test_no_code_of_the_folder_that_a_person_is_in_is_run",
        ),
        (
            "a shell reads the editor",
            "subprocess.run([*command, str(path)], check=False)",
            "subprocess.run(f'{editor} \"{path}\"', shell=True, check=False)",
            "cli/test_editor.py::test_no_shell_reads_the_editor_or_the_name_of_the_home",
        ),
        (
            "the consent link is in the list of processes",
            "        open_file(self.write(address, title))\n",
            "        webbrowser.open(address)\n",
            "setup/test_signing_in.py::test_the_consent_link_is_in_no_list_of_processes",
        ),
        (
            "anybody's account is stored",
            "    if account and found.email.casefold() != account.casefold():\n",
            "    if False:\n",
            "setup/test_signing_in.py::test_the_account_that_is_named_is_the_only_one_that_is_stored",
        ),
        (
            "any answer to the sign-in is ours",
            'if hmac.compare_digest(answer["state"].encode(), state.encode()):',
            "if True:",
            f"{_SIGN_IN}::test_stray_visits_do_not_eat_the_answer",
        ),
        (
            "anybody may look into a drill",
            "return Opener.OURS if found in {0, os.getuid()} else Opener.SOMEBODY_ELSE",
            "return Opener.OURS",
            "google_rehearsal/test_lifecycle.py::test_another_user_of_the_machine_is_hung_up_on",
        ),
        (
            "nobody has to show the secret",
            "not asks",
            "True",
            f"{_VISITORS}::test_every_address_is_behind_the_secret "
            f"{_VISITORS}::test_a_drills_mails_are_shown_to_nobody_without_the_secret",
        ),
        (
            "any address lets a browser in",
            "if not _is_same(shown, secret):\n            return _locked()",
            "if False:\n            return _locked()",
            f"{_VISITORS}::test_a_browser_is_let_in_once_and_for_all",
        ),
        (
            "any secret in a token is the home's",
            "if shown and not _is_same(shown, secret):",
            "if False:",
            f"{_VISITORS}::test_every_address_is_behind_the_secret",
        ),
        (
            "all homes have one secret",
            "write_private(path, secrets.token_hex(_BYTES))",
            'write_private(path, "0" * 2 * _BYTES)',
            f"{_VISITORS}::test_each_home_has_a_secret_that_lasts",
        ),
        (
            "who hung up is the administrator",
            "return int(user) if inode else _NOBODY",
            "return int(user)",
            "google_rehearsal/test_lifecycle.py::"
            "test_who_hung_up_already_is_nobody_and_not_the_administrator",
        ),
        (
            "the console takes another connection for this one",
            "if fields[1:3] == [far, near]:",
            "if fields[1] == far:",
            "console/test_safety.py::test_another_account_of_this_machine_is_refused",
        ),
        (
            "the console takes a closed connection for root's",
            'return fields[9] != "0" and int(fields[7]) in {0, os.getuid()}',
            "return int(fields[7]) in {0, os.getuid()}",
            "console/test_safety.py::test_another_account_of_this_machine_is_refused",
        ),
        (
            "any server on the port is ours",
            'and secrets.compare_digest(str(health.get("proof")), proof(server.key, challenge))',
            "and True",
            "google_rehearsal/test_lifecycle.py::"
            "test_a_foreign_server_on_the_remembered_port_is_not_adopted",
        ),
    ),
    *_of(
        "a scenario from somebody else",
        ("a step is any command", "if command not in _COMMANDS:", "if False:", _STORY),
        ("a step has any option", "if name not in _OPTIONS:", "if False:", _STORY),
        (
            "a step's words are read in two ways",
            'return f"{name}={self._held_word(command, name, given)}"',
            'return word if equals else f"{name}={given}"',
            _STORY,
        ),
        (
            "options hide behind the end of all options",
            'if texts:\n            yield "--"\n',
            'if False:\n            yield "--"\n',
            "drill/test_rehearse.py::test_the_words_of_a_step_are_read_in_one_way_alone",
        ),
        (
            "a step's incident is a folder anywhere",
            r'r"^Incident ([a-z0-9]+)$"',
            r'r"^Incident (\S+)$"',
            "drill/test_rehearse.py::test_what_a_step_says_of_its_incident_names_no_folder",
        ),
        (
            "a step names files anywhere",
            'leaves = name.startswith("~") or not path.is_relative_to(whole)',
            'leaves = name.startswith("~")',
            _STORY,
        ),
        (
            "a step asks the team's database",
            "if word.startswith(_OTHER_SOURCES):",
            "if False:",
            _STORY,
        ),
        (
            "a step writes where it likes",
            "if (command, option) in _WRITES or (",
            "if False and (",
            _STORY,
        ),
        (
            "the mails of told are written anywhere",
            ', ("told", "--mails")}',
            "}",
            _FILES_OF_A_STORY,
        ),
        (
            "a step signs any plan's file",
            'command == "approve" and not option',
            "False",
            _FILES_OF_A_STORY,
        ),
        (
            "a list of a story lies anywhere",
            "lists = {name: world.file(file) for name, file in named.items()}",
            "lists = {name: folder / file for name, file in named.items()}",
            "drill/test_rehearse.py::test_a_list_of_a_story_lies_beside_the_scenario",
        ),
    ),
    *_of(
        "an incoming mail",
        (
            "a report of somebody else's mail counts",
            "    if mail.recipient_key in failure.keys:\n",
            "    if True:\n",
            "bounces/test_bounces.py",
        ),
        (
            "every mail is a report",
            "        if not (is_report(facts.headers) or is_from_daemon(facts.headers)):\n"
            "            return\n",
            "",
            "bounces/test_bounces.py",
        ),
    ),
    *_of(
        "a relay, a chat, a database",
        (
            "any certificate after STARTTLS",
            "server.starttls(context=ssl.create_default_context())",
            "server.starttls(context=ssl._create_unverified_context())",
            _BAD_TLS,
        ),
        (
            "any certificate with TLS from the first byte",
            "        context = ssl.create_default_context()\n        return smtplib.SMTP_SSL(",
            "        context = ssl._create_unverified_context()\n        return smtplib.SMTP_SSL(",
            "smtp/test_relay_sign_in.py::test_with_tls_from_the_first_byte_it_is_the_same",
        ),
        (
            "no STARTTLS, no TLS",
            'if self._settings.security == "starttls":',
            'if self._settings.security == "starttls" and server.has_extn("starttls"):',
            "smtp/test_relay_sign_in.py::"
            "test_where_no_tls_is_offered_neither_mail_nor_password_goes_in_the_clear",
        ),
        (
            "clear text to another machine",
            'if smtp.security == "none" and not is_loopback(smtp.host):',
            "if False:",
            "smtp/test_relay_settings.py",
        ),
        (
            "a webhook's file that others may read",
            'if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):',
            "if False:",
            "announce/test_announce.py::test_a_secret_that_others_may_read_is_not_used",
        ),
        (
            "a webhook at any host",
            'real = parts.scheme == "https" and name == host and port in {None, 443}',
            'real = parts.scheme == "https" and port in {None, 443}',
            "announce/test_announce.py::test_a_webhook_is_the_services_own_or_nobodys",
        ),
        (
            "a webhook in clear text",
            'real = parts.scheme == "https" and name == host and port in {None, 443}',
            "real = name == host",
            "announce/test_announce.py::test_a_webhook_is_the_services_own_or_nobodys",
        ),
        (
            "a rehearsal tells the real channel",
            "if only_here and not here:",
            "if False:",
            "announce/test_announce.py",
        ),
        (
            "any certificate of a database",
            'return {"sslmode": "verify-full", **({} if has_roots else {"sslrootcert": _roots()})}',
            'return {"sslmode": "require"}',
            "ledger/test_postgres_url.py::test_a_server_that_can_not_prove_its_name_is_sent_nothing",
        ),
        (
            "a database in clear text",
            'return {"sslmode": "verify-full", **({} if has_roots else {"sslrootcert": _roots()})}',
            "return {}",
            "ledger/test_postgres_url.py::test_nothing_goes_to_another_machine_in_clear_text",
        ),
        (
            "an address elsewhere behind a host here",
            'for name in ("host", "hostaddr"))',
            'for name in ("host",))',
            "ledger/test_postgres_url.py::"
            "test_a_host_on_this_machine_does_not_hide_an_address_elsewhere",
        ),
        (
            "a service in clear text",
            "known = {**_found_by_libpq(told), **told}",
            'known = {"sslmode": _FALLS_BACK, **told}',
            "ledger/test_postgres_url.py::"
            "test_a_service_file_that_says_nothing_of_tls_sends_nothing_in_clear_text",
        ),
        (
            "a list's database in clear text",
            "return storage.proof_of_the_server(told, os.environ)",
            "return {}",
            "notice/test_lists_as_they_come.py::"
            "test_a_query_sends_another_machine_nothing_in_clear_text",
        ),
    ),
    *_of(
        "a picture's address",
        (
            "a name leads into the network here",
            "if not is_public(ipaddress.ip_address(address)):",
            "if False:",
            "google/test_open_internet.py",
        ),
        (
            "a private address behind NAT64",
            "        address = IPv4Address(int(address) & 0xFFFFFFFF)\n",
            "        return True\n",
            "google/test_open_internet.py::"
            "test_a_public_name_that_leads_into_a_network_here_is_not_asked",
        ),
        (
            "a private address in IPv6's clothes",
            "address = address.ipv4_mapped or address.sixtofour or address",
            "pass",
            "google/test_open_internet.py::"
            "test_a_public_name_that_leads_into_a_network_here_is_not_asked",
        ),
        (
            "a name is looked up once more",
            "return self._connected_to_one_of(addresses)",
            "return self._connected_to_one_of([self.host])",
            "google/test_open_internet.py::test_the_address_that_was_looked_at_is_the_one_that_is_called",
        ),
        (
            "a redirect leads anywhere",
            "            self.check_address(address)\n            with session.get(",
            "            with session.get(",
            "google/test_open_internet.py google/test_public_pictures.py",
        ),
        (
            "what is packed is unpacked",
            "answer.raw.stream(_CHUNK_BYTES, decode_content=False)",
            "answer.raw.stream(_CHUNK_BYTES, decode_content=True)",
            "google/test_public_pictures.py::test_what_is_packed_is_not_unpacked",
        ),
        (
            "a password of ~/.netrc goes along",
            "                auth=_nobody,\n",
            "",
            "google/test_open_internet.py::test_a_password_of_netrc_does_not_go_along",
        ),
    ),
    *_of(
        "what becomes public",
        (
            "customers are named",
            "(_any_of(words for words in customers if words), RedactedKind.CUSTOMER),",
            "(_any_of(()), RedactedKind.CUSTOMER),",
            "publication/test_redaction.py",
        ),
        (
            "what was struck stays",
            "if span.strike and span.text.strip():",
            "if False:",
            "publication/test_redaction.py",
        ),
        (
            "links to internal pages stay",
            '        return replace(span, link="")\n',
            "        return span\n",
            "publication/test_redaction.py",
        ),
        (
            "what a person typed is markup in a report",
            "        loader=jinja2.FileSystemLoader(_PAGES),\n        autoescape=True,",
            "        loader=jinja2.FileSystemLoader(_PAGES),\n        autoescape=False,",
            "report/test_report.py::test_nothing_that_a_person_typed_is_markup",
        ),
        (
            "a report names those on the list",
            "    if is_naming:\n        facts =",
            "    if True:\n        facts =",
            "report/test_report.py::test_nobody_is_named_unless_asked",
        ),
    ),
    *_of(
        "a web page in the user's browser",
        (
            "the rehearsal answers to any name",
            "    if name in _HOSTS:\n        return None",
            "    if True:\n        return None",
            "google_rehearsal/test_wire.py::test_a_name_that_is_not_loopback_is_not_answered",
        ),
        (
            "the switchboard needs no key",
            'if request.endpoint == "switchboard.health" or hmac.compare_digest(given, key):',
            "if True:",
            "google_rehearsal/test_wire.py::test_the_switchboard_needs_its_key",
        ),
        (
            "the preview needs no secret",
            'if not secrets.compare_digest(given.encode("utf-8", "replace"), token.encode()):',
            "if False:",
            "notice/test_preview.py::test_without_the_secret_in_the_address_nothing_is_shown",
        ),
        (
            "the preview answers to any name",
            "        if not _is_own_name(request.host):\n",
            "        if False:\n",
            "notice/test_preview.py",
        ),
    ),
    *_of(
        "a stolen laptop",
        (
            "a service account in a mailbox may edit docs",
            " if scope in _OF_A_MAILBOX)",
            ")",
            "setup/test_scopes.py::test_mailboxes_that_share_the_sending_are_entered_with_those_scopes_and_send",
        ),
        (
            "signing out withdraws nothing",
            '    confirmed = transport.revoke(str(token["refresh_token"]), revoke_url)\n',
            "    confirmed = True\n",
            "setup/test_signing_in.py::test_signing_out_withdraws_the_sign_in",
        ),
        (
            "the sign-in is in the file all the same",
            "    if is_in_keyring(path):\n        into_keyring(path, json.dumps(token))\n",
            "    if False:\n        into_keyring(path, json.dumps(token))\n",
            "setup/test_keyring.py",
        ),
    ),
    *_of(
        "a hostile proxy or network",
        (
            "any certificate of Google's",
            "    session.trust_env = trust_environment\n    return session",
            "    session.trust_env = trust_environment\n    session.verify = False\n"
            "    return session",
            f"{_SIGN_IN}::test_a_sign_in_is_shown_to_nobody_who_does_not_prove_to_be_google",
        ),
        (
            "any certificate where a token is renewed",
            "    renewing.trust_env = trust_environment\n",
            "    renewing.trust_env = trust_environment\n    renewing.verify = False\n",
            f"{_SIGN_IN}::test_a_sign_in_is_shown_to_nobody_who_does_not_prove_to_be_google",
        ),
        (
            "a sign-in is renewed anywhere",
            'if not is_googles_sign_in(token["token_uri"]):',
            "if False:",
            f"{_SIGN_IN}::test_a_sign_in_is_renewed_at_googles_own_address_alone",
        ),
        (
            "a doc's address is anybody's",
            "if not doc_id or not _is_docs_host(workspace, url):",
            "if not doc_id:",
            "incident/test_join.py::test_an_address_that_is_not_googles_is_not_the_docs",
        ),
        (
            "a renewal follows a redirect",
            "    follow_no_redirect(renewing)\n",
            "",
            f"{_SIGN_IN}::test_nothing_of_a_sign_in_follows_a_redirect",
        ),
        (
            "a sign-in follows a redirect",
            "        follow_no_redirect(flow.oauth2session)\n",
            "",
            f"{_SIGN_IN}::test_nothing_of_a_sign_in_follows_a_redirect",
        ),
        (
            "signing out follows a redirect",
            'data={"token": refresh_token}, timeout=10, allow_redirects=False',
            'data={"token": refresh_token}, timeout=10',
            f"{_SIGN_IN}::test_nothing_of_a_sign_in_follows_a_redirect",
        ),
        (
            "a client file leads elsewhere",
            "        if not is_googles_sign_in(client[key]):\n",
            "        if False:\n",
            f"{_SIGN_IN}::test_a_client_file_that_leads_elsewhere_signs_nobody_in",
        ),
        (
            "a sign-in is renewed elsewhere",
            '    if not is_googles_sign_in(token["token_uri"]):\n',
            "    if False:\n",
            f"{_SIGN_IN}::test_a_sign_in_is_renewed_at_googles_own_address_alone",
        ),
        (
            "the token goes to any host",
            "        if _place(uri) not in self._origins:\n",
            "        if False:\n",
            f"{_TRANSPORT}::test_with_the_real_google_no_other_address_is_called",
        ),
        (
            "a name before the host passes",
            'if parts.auth or not (parts.scheme == "https" or is_loopback(host)):',
            'if not (parts.scheme == "https" or is_loopback(host)):',
            f"{_TRANSPORT}::test_with_the_real_google_no_other_address_is_called",
        ),
        (
            "a redirect takes the token along",
            "                allow_redirects=False,\n                auth=_leave_as_it_is,",
            "                auth=_leave_as_it_is,",
            f"{_TRANSPORT}",
        ),
        (
            "a password of ~/.netrc is the token",
            "                auth=_leave_as_it_is,\n",
            "",
            f"{_TRANSPORT}::test_a_password_in_netrc_never_takes_the_place_of_the_token",
        ),
        (
            "an answer has no end",
            "        if size > most_bytes:\n",
            "        if False:\n",
            f"{_TRANSPORT}::test_an_answer_without_an_end_is_given_up",
        ),
        (
            "an answer drips in for ever",
            "        self._mine.deadline = time.monotonic() + seconds\n",
            "        self._mine.deadline = None\n",
            f"{_TRANSPORT}::test_an_answer_that_drips_in_is_cut_off_whatever_it_drips",
        ),
    ),
    *_of(
        "another Google-compatible server",
        (
            "it is on any machine",
            "if host in config.google_url_hosts or is_loopback(host):",
            "if True:",
            "setup/test_secrets.py::test_a_stand_in_on_another_machine_needs_the_configs_word",
        ),
        (
            "it is shown the real sign-in",
            'return token if token.get("place") == self.place else None',
            "return token",
            "setup/test_signing_in.py::test_a_real_sign_in_never_goes_to_a_stand_in",
        ),
        (
            "its sign-in is shown to Google",
            '    if token.get("place"):\n',
            "    if False:\n",
            "setup/test_signing_in.py::test_the_sign_in_of_a_stand_in_is_of_no_use_elsewhere",
        ),
        (
            "a proxy carries its calls away",
            "    session = requests.Session()\n    session.trust_env = False\n"
            '    session.headers["Authorization"]',
            '    session = requests.Session()\n    session.headers["Authorization"]',
            "google/test_google_with_the_rehearsal.py google/test_google_transport.py",
        ),
    ),
]
