"""Drive: files, folders, search, sharing, exports, and who can see what."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from googleapiclient.http import MediaIoBaseUpload

from tests.google_rehearsal.caller import DOC_TYPE, FOLDER_TYPE, Google, recorded

FILES = "/drive/v3/files"
EVE = "rehearsal:eve@rehearsal.example"
EVE_SEES_ALL = f"{EVE}:drive,documents"
OTHER_CLIENT = "rehearsal:you@rehearsal.example:drive,documents:other-client"
# Parts that the recorded samples don't fill in.
FILE = "{fileId}"


def found(google: Google, q: str, token: str = "rehearsal", **params: Any) -> list[str]:
    answer = google.json("GET", FILES, params={"q": q, **params}, token=token)
    return [file["name"] for file in answer["files"]]


def test_a_doc_is_created_with_its_properties_in_its_folder(google: Google) -> None:
    drive = google.client("drive")
    folder = drive.files().create(body={"name": "Incidents", "mimeType": FOLDER_TYPE}).execute()
    body = {
        "name": "Postmortem",
        "mimeType": DOC_TYPE,
        "parents": [folder["id"]],
        "properties": {"incident": "INC-1"},
        "appProperties": {"secret": "yes"},
    }
    file = drive.files().create(body=body, fields="*").execute()
    assert file["parents"] == [folder["id"]]
    assert file["properties"] == {"incident": "INC-1"}
    assert file["appProperties"] == {"secret": "yes"}
    address = f"{google.server.base_url}/document/d/{file['id']}/edit"
    assert file["webViewLink"] == f"{address}?usp=drivesdk"
    assert len(file["id"]) == 44
    assert file["ownedByMe"] is True


def test_an_answer_without_fields_is_short(google: Google) -> None:
    file = google.json("GET", f"{FILES}/{google.new_doc()}")
    assert set(file) == {"kind", "id", "name", "mimeType"}


@pytest.mark.parametrize(
    "q",
    [
        "bogus",
        "name",
        "name =",
        "name = Postmortem",
        "name = 'x",
        "name ~ 'x'",
        "(name = 'x'",
        "name = 'x' and",
        "name = 'x' name = 'y'",
        "trashed = 'true'",
        "trashed = maybe",
        "'x' in nowhere",
        "createdTime > 'yesterday'",
        "appProperties has { key='a' }",
        "appProperties has { key=a and value=b }",
        "name < 'x'",
        "not",
        "colour = 'red'",
        "name = 'x');",
    ],
)
def test_a_search_that_cannot_be_read_gets_the_recorded_refusal(google: Google, q: str) -> None:
    error = google.refusal("GET", FILES, params={"q": q})
    assert error == recorded("backlot_drive_400_bad_q")


def test_search_finds_by_every_term_of_the_grammar(google: Google) -> None:
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    google.new_doc("It's an outage", parents=[folder], properties={"incident": "INC-1"})
    google.new_doc("HelloWorld report", appProperties={"k": "v"}, description="quarterly")
    outage, report = "It's an outage", "HelloWorld report"
    is_doc = f"mimeType = '{DOC_TYPE}'"
    cases = {
        r"name = 'It\'s an outage'": [outage],
        f"'{folder}' in parents": [outage],
        "'root' in parents": [report, "Folder"],
        "properties has { key='incident' and value='INC-1' } and trashed=false": [outage],
        "properties has { key='incident' and value='INC' }": [],
        "appProperties has {key='k' and value='v'}": [report],
        "name contains 'hello'": [report],
        "name contains 'world'": [],
        "name contains 'report'": [report],
        "fullText contains 'quarterly'": [report],
        f"not {is_doc}": ["Folder"],
        f"{is_doc} and not name contains 'hello'": [outage],
        "name = 'Folder' or name contains 'hello'": [report, "Folder"],
        f"{is_doc} and (name = 'Folder' or name = '{report}')": [report],
        "mimeType contains 'application/vnd.google-apps'": [report, outage, "Folder"],
        "createdTime > '2020-01-01T00:00:00' and modifiedTime >= '2020-01-01'": [
            report,
            outage,
            "Folder",
        ],
        "createdTime < '2020-01-01T00:00:00-07:00'": [],
        "'you@rehearsal.example' in owners and starred = false": [report, outage, "Folder"],
        "'eve@rehearsal.example' in writers": [],
        "sharedWithMe = true": [],
        "trashed != false": [],
    }
    for q, names in cases.items():
        assert found(google, q) == names, q


def test_a_list_is_given_page_by_page_in_the_order_that_is_asked_for(google: Google) -> None:
    for name in ("b", "c", "a"):
        google.new_doc(name)
    drive = google.client("drive")
    names, request = [], drive.files().list(orderBy="name", pageSize=2)
    while request is not None:
        page = request.execute()
        names.append([file["name"] for file in page["files"]])
        request = drive.files().list_next(request, page)
    assert names == [["a", "b"], ["c"]]
    assert found(google, "trashed=false", orderBy="name desc") == ["c", "b", "a"]
    for params in ({"orderBy": "colour"}, {"orderBy": "name up"}, {"pageToken": "nonsense"}):
        error = google.refusal("GET", FILES, params=params)
        assert (error["message"], error["errors"][0]["location"]) == (
            "Invalid Value",
            next(iter(params)),
        )


def test_a_search_knows_the_caller(google: Google) -> None:
    doc_id = google.new_doc()
    google.share(doc_id, "eve@rehearsal.example")
    assert found(google, "'me' in owners") == ["Postmortem"]
    assert found(google, "'me' in owners", token=EVE_SEES_ALL) == []
    assert found(google, "'me' in writers", token=EVE_SEES_ALL) == ["Postmortem"]
    for q in ("sharedWithMe", "(sharedWithMe) and trashed = false", "not sharedWithMe"):
        mine, theirs = found(google, q), found(google, q, token=EVE_SEES_ALL)
        assert (len(mine), len(theirs)) == ((1, 0) if q.startswith("not") else (0, 1)), q


def test_a_search_in_the_text_cannot_be_sorted(google: Google) -> None:
    google.new_doc("about fullText")
    error = google.refusal("GET", FILES, params={"q": "fullText contains 'a'", "orderBy": "name"})
    assert (error["code"], error["errors"][0]["location"]) == (403, "orderBy")
    assert error["errors"][0]["reason"] == "forbidden"
    assert error["message"].startswith("Sorting is not supported for queries with fullText terms.")
    assert found(google, "fullText contains 'about'") == ["about fullText"]
    assert found(google, "name contains 'fullText'", orderBy="name") == ["about fullText"]


def test_private_properties_are_seen_and_found_by_their_own_client_alone(google: Google) -> None:
    doc_id = google.new_doc(appProperties={"k": "v"}, properties={"p": "q"})
    q = "appProperties has {key='k' and value='v'}"
    assert found(google, q) == ["Postmortem"]
    assert found(google, q, token=OTHER_CLIENT) == []
    seen = google.json("GET", f"{FILES}/{doc_id}?fields=*", token=OTHER_CLIENT)
    assert "appProperties" not in seen
    assert seen["properties"] == {"p": "q"}


def test_drive_file_shows_only_what_this_client_made_for_this_account(google: Google) -> None:
    doc_id = google.new_doc()
    google.share(doc_id, "eve@rehearsal.example")
    path = f"{FILES}/{doc_id}"
    wanted = {**recorded("backlot_drive_404"), "message": f"File not found: {doc_id}."}
    for token in (EVE, "rehearsal:you@rehearsal.example:drive.file:other-client"):
        error = google.refusal("GET", path, token=token)
        error["errors"][0].pop("message")
        wanted["errors"][0].pop("message", None)
        assert error == wanted
        assert found(google, "trashed=false", token=token) == []
    assert google.json("GET", path, token=EVE_SEES_ALL)["id"] == doc_id
    assert found(google, "sharedWithMe = true", token=EVE_SEES_ALL) == ["Postmortem"]


def test_a_person_with_access_works_in_docs_without_drive(google: Google) -> None:
    doc_id = google.new_doc()
    path = f"/v1/documents/{doc_id}"
    assert (
        google.refusal("GET", path, token=EVE)["message"] == "The caller does not have permission"
    )
    google.share(doc_id, "eve@rehearsal.example", "reader")
    assert "revisionId" not in google.json("GET", path, token=EVE)
    assert google.write(doc_id, "x", token=EVE).json()["error"]["status"] == "PERMISSION_DENIED"
    inline = {"suggestionsViewMode": "SUGGESTIONS_INLINE"}
    assert google.refusal("GET", path, token=EVE, params=inline)["code"] == 403
    google.share(doc_id, "eve@rehearsal.example", "writer")
    assert google.write(doc_id, "from Eve", token=EVE).ok
    assert "revisionId" in google.json("GET", path, token=EVE, params=inline)


def test_docs_does_not_know_what_does_not_exist_or_is_no_doc(google: Google) -> None:
    assert google.refusal("GET", "/v1/documents/1nope") == recorded("backlot_docs_404")
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    error = google.refusal("GET", f"/v1/documents/{folder}")
    assert error["message"] == "This operation is not supported for this document"
    alone = "rehearsal:you@rehearsal.example:drive.file:other-client"
    error = google.refusal("GET", f"/v1/documents/{google.new_doc()}", token=alone)
    assert error == recorded("backlot_docs_404")


def test_about_says_who_one_is_but_only_when_asked_for_fields(google: Google) -> None:
    drive = google.client("drive")
    user = drive.about().get(fields="user").execute()["user"]
    assert (user["emailAddress"], user["displayName"]) == ("you@rehearsal.example", "You")
    error = google.refusal("GET", "/drive/v3/about")
    assert error["message"] == "The 'fields' parameter is required for this method."
    assert error["errors"][0]["location"] == "fields"


def test_generated_ids_are_taken_once_and_never_for_docs(google: Google) -> None:
    (wanted,) = google.json("GET", f"{FILES}/generateIds?count=1")["ids"]
    folder = {"id": wanted, "name": "Folder", "mimeType": FOLDER_TYPE}
    assert google.json("POST", FILES, json=folder)["id"] == wanted
    error = google.refusal("POST", FILES, json=folder)
    assert (error["code"], error["errors"][0]["reason"]) == (409, "fileIdInUse")
    error = google.refusal("POST", FILES, json={"id": wanted, "mimeType": DOC_TYPE})
    assert error["message"] == "Generated IDs are not supported for Docs Editors formats."


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ({"parents": ["root", "1x"]}, 403, "cannotAddParent"),
        ({"parents": ["1nope"]}, 404, "notFound"),
        ({"properties": {"k" * 100: "v" * 25}}, 403, "propertyLimitExceeded"),
        ({"properties": {"clé": "é" * 61}}, 403, "propertyLimitExceeded"),
        ({"properties": {str(n): "" for n in range(31)}}, 403, "propertyLimitExceeded"),
        ({"appProperties": {str(n): "" for n in range(31)}}, 403, "propertyLimitExceeded"),
        ({"nmae": "typo"}, 400, "invalid"),
        ({"starred": "yes"}, 400, "invalid"),
    ],
)
def test_a_file_that_cannot_be_is_refused_and_not_made(
    google: Google, body: dict[str, Any], code: int, reason: str
) -> None:
    error = google.refusal("POST", FILES, json={"name": "x", "mimeType": DOC_TYPE, **body})
    assert (error["code"], error["errors"][0]["reason"]) == (code, reason)
    assert found(google, "trashed = false") == []


def test_a_parent_must_be_a_folder(google: Google) -> None:
    error = google.refusal("POST", FILES, json={"name": "x", "parents": [google.new_doc()]})
    assert error["errors"][0]["reason"] == "parentNotAFolder"


def test_update_renames_moves_trashes_and_clears_properties(google: Google) -> None:
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    doc_id = google.new_doc("Old", properties={"a": "1", "b": "2"})
    drive = google.client("drive")
    change = {"name": "New", "properties": {"a": None, "c": "3"}, "description": "d"}
    root = google.json("GET", f"{FILES}/root")["id"]
    file = (
        drive.files()
        .update(fileId=doc_id, body=change, addParents=folder, removeParents=root, fields="*")
        .execute()
    )
    assert (file["name"], file["description"]) == ("New", "d")
    assert file["properties"] == {"b": "2", "c": "3"}
    assert file["parents"] == [folder]
    assert google.json("GET", f"/v1/documents/{doc_id}")["title"] == "New"
    drive.files().update(fileId=doc_id, body={"trashed": True}).execute()
    assert found(google, "trashed = true") == ["New"]
    assert found(google, "name = 'New' and trashed = false") == []


def test_parents_are_not_written_by_update_and_never_two(google: Google) -> None:
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    path = f"{FILES}/{google.new_doc()}"
    error = google.refusal("PATCH", path, json={"parents": [folder]})
    assert error["errors"][0]["reason"] == "fieldNotWritable"
    error = google.refusal("PATCH", path, params={"addParents": folder}, json={})
    assert error["message"] == "Increasing the number of parents is not allowed"


def test_a_reader_changes_nothing(google: Google) -> None:
    doc_id = google.new_doc()
    google.share(doc_id, "eve@rehearsal.example", "reader")
    wanted = recorded("drive_403_insufficient_file_permissions")
    sentence = wanted["message"].replace(FILE, doc_id)
    wanted["message"] = wanted["errors"][0]["message"] = sentence
    permission = {"type": "anyone", "role": "reader"}
    for verb, path, body in [
        ("PATCH", f"{FILES}/{doc_id}", {"name": "x"}),
        ("DELETE", f"{FILES}/{doc_id}", None),
        ("POST", f"{FILES}/{doc_id}/permissions", permission),
        ("GET", f"{FILES}/{doc_id}/permissions", None),
    ]:
        assert google.refusal(verb, path, json=body, token=EVE_SEES_ALL) == wanted, verb


def test_a_copy_has_the_text_and_the_properties_but_not_the_sharing(google: Google) -> None:
    doc_id = google.new_doc("Template", appProperties={"k": "v"})
    google.write(doc_id, "Summary")
    google.share(doc_id, "eve@rehearsal.example")
    drive = google.client("drive")
    copy = drive.files().copy(fileId=doc_id, body={"name": "Mine"}, fields="*").execute()
    assert copy["id"] != doc_id
    assert copy["appProperties"] == {"k": "v"}
    assert len(copy["permissions"]) == 1
    google.write(copy["id"], " and more")
    exported = drive.files().export(fileId=copy["id"], mimeType="text/plain").execute().decode()
    assert "Summary and more" in exported
    assert drive.files().copy(fileId=doc_id).execute()["name"] == "Copy of Template"
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    error = google.refusal("POST", f"{FILES}/{folder}/copy")
    assert error["errors"][0]["reason"] == "cannotCopyFile"


@pytest.mark.parametrize("kind", ["text/markdown", "text/html", "text/plain"])
def test_a_doc_is_exported_as_text(google: Google, kind: str) -> None:
    doc_id = google.new_doc()
    google.write(doc_id, "Überblick 🚨")
    answer = google.call("GET", f"{FILES}/{doc_id}/export", params={"mimeType": kind})
    assert answer.headers["Content-Type"].startswith(kind)
    assert "Überblick 🚨" in answer.content.decode()


def test_other_exports_and_downloads_are_refused(google: Google) -> None:
    doc_id = google.new_doc()
    path = f"{FILES}/{doc_id}"
    error = google.refusal("GET", f"{path}/export", params={"mimeType": "application/pdf"})
    assert error["message"] == "The requested conversion is not supported."
    assert google.refusal("GET", f"{path}/export")["message"] == "Required parameter: mimeType"
    error = google.refusal("GET", path, params={"alt": "media"})
    assert error["errors"][0]["reason"] == "fileNotDownloadable"
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    error = google.refusal("GET", f"{FILES}/{folder}/export", params={"mimeType": "text/plain"})
    assert error["errors"][0]["reason"] == "fileNotExportable"


def test_bytes_go_up_and_come_back_to_the_letter(google: Google) -> None:
    drive = google.client("drive")
    content = b"one\r\n--not-a-boundary\n\x00\xff\n"
    media = MediaIoBaseUpload(io.BytesIO(content), mimetype="text/csv")
    file = drive.files().create(body={"name": "l.csv"}, media_body=media, fields="*").execute()
    assert (file["mimeType"], file["size"]) == ("text/csv", str(len(content)))
    assert drive.files().get_media(fileId=file["id"]).execute() == content
    bare = google.json(
        "POST",
        "/upload/drive/v3/files?uploadType=media",
        data=content,
        headers={"Content-Type": "text/plain"},
    )
    assert bare["name"] == "Untitled"
    assert google.refusal("POST", "/upload/drive/v3/files", json={})["code"] == 400
    error = google.refusal("POST", "/upload/drive/v3/files?uploadType=resumable", json={})
    assert error["code"] == 501


def test_a_deleted_file_is_gone_for_everybody(google: Google) -> None:
    doc_id = google.new_doc()
    assert google.call("DELETE", f"{FILES}/{doc_id}").status_code == 204
    assert google.refusal("GET", f"{FILES}/{doc_id}")["code"] == 404
    assert google.refusal("GET", f"/v1/documents/{doc_id}")["code"] == 404


def test_a_doc_made_in_a_shared_folder_is_shared_like_it(google: Google) -> None:
    folder = google.new_doc("Folder", mimeType=FOLDER_TYPE)
    google.share(folder, "eve@rehearsal.example")
    doc_id = google.new_doc(parents=[folder])
    assert google.write(doc_id, "Eve was here", token=EVE).ok
    hers = google.new_doc("Hers", token=EVE_SEES_ALL, parents=[folder])
    assert google.write(hers, "and I there").ok


class TestSharing:
    def test_a_permission_is_made_read_changed_and_taken_back(self, google: Google) -> None:
        doc_id = google.new_doc()
        permissions = google.client("drive").permissions()
        body = {"type": "user", "role": "commenter", "emailAddress": "Eve@Rehearsal.example"}
        made = permissions.create(fileId=doc_id, body=body, sendNotificationEmail=False).execute()
        one = {"fileId": doc_id, "permissionId": made["id"]}
        shown = permissions.get(**one, fields="*").execute()
        assert (shown["emailAddress"], shown["role"]) == ("Eve@Rehearsal.example", "commenter")
        permissions.update(**one, body={"role": "writer"}).execute()
        assert google.write(doc_id, "x", token=EVE).ok
        listed = permissions.list(fileId=doc_id).execute()["permissions"]
        assert [each["role"] for each in listed] == ["owner", "writer"]
        permissions.delete(**one).execute()
        assert not google.write(doc_id, "x", token=EVE).ok

    def test_sharing_twice_with_one_person_makes_one_permission(self, google: Google) -> None:
        doc_id = google.new_doc()
        for role in ("reader", "writer", "commenter"):
            google.share(doc_id, "eve@rehearsal.example", role)
        listed = google.json("GET", f"{FILES}/{doc_id}/permissions")["permissions"]
        assert [each["role"] for each in listed] == ["owner", "writer"]

    def test_a_domain_and_anyone_may_be_let_in(self, google: Google) -> None:
        doc_id = google.new_doc()
        path = f"{FILES}/{doc_id}/permissions"
        domain = {"type": "domain", "role": "reader", "domain": "rehearsal.example"}
        google.json("POST", path, json=domain)
        assert google.json("GET", f"/v1/documents/{doc_id}", token=EVE)["title"] == "Postmortem"
        stranger = "rehearsal:x@elsewhere.example"
        assert google.refusal("GET", f"/v1/documents/{doc_id}", token=stranger)["code"] == 403
        google.json("POST", path, json={"type": "anyone", "role": "writer"})
        assert google.write(doc_id, "hello", token=stranger).ok

    @pytest.mark.parametrize(
        ("body", "params", "message"),
        [
            ({"role": "reader"}, {}, "The permission type field is required."),
            ({"type": "user"}, {}, "The permission role field is required."),
            ({"type": "robot", "role": "reader"}, {}, "The permission type field is required."),
            (
                {"type": "anyone", "role": "king"},
                {},
                "The specified role is invalid or not supported.",
            ),
            (
                {"type": "anyone", "role": "organizer"},
                {},
                "The specified role is invalid or not supported.",
            ),
            (
                {"type": "user", "role": "reader", "emailAddress": "nobody"},
                {},
                "The specified emailAddress is invalid or not applicable for the given permission "
                "type: nobody.",
            ),
            (
                {"type": "domain", "role": "reader"},
                {},
                "The specified domain is invalid or not applicable for the given permission type.",
            ),
            (
                {"type": "anyone", "role": "reader"},
                {"sendNotificationEmail": "false"},
                "The sendNotificationEmail parameter is only valid if the permission type is user "
                "or group.",
            ),
            (
                {"type": "user", "role": "owner", "emailAddress": "e@x.example"},
                {},
                "The transferOwnership parameter must be enabled when the permission role is "
                "'owner'.",
            ),
            (
                {"type": "user", "role": "owner", "emailAddress": "e@x.example"},
                {"transferOwnership": "true", "sendNotificationEmail": "false"},
                "The sendNotificationEmail parameter cannot be false for ownership transfers.",
            ),
            (
                {
                    "type": "user",
                    "role": "reader",
                    "emailAddress": "e@x.example",
                    "expirationTime": "2020-01-01T00:00:00Z",
                },
                {},
                "The expirationTime must be in the future and at most one year away.",
            ),
        ],
    )
    def test_sharing_that_makes_no_sense_is_refused(
        self, google: Google, body: dict[str, str], params: dict[str, str], message: str
    ) -> None:
        path = f"{FILES}/{google.new_doc()}/permissions"
        assert google.refusal("POST", path, json=body, params=params)["message"] == message
        assert len(google.json("GET", path)["permissions"]) == 1

    def test_the_owner_stays_unless_ownership_is_handed_over(self, google: Google) -> None:
        doc_id = google.new_doc()
        path = f"{FILES}/{doc_id}/permissions"
        (owner,) = google.json("GET", path)["permissions"]
        error = google.refusal("DELETE", f"{path}/{owner['id']}")
        assert error["errors"][0]["reason"] == "cannotRemoveOwner"
        error = google.refusal("PATCH", f"{path}/{owner['id']}", json={"role": "reader"})
        assert error == recorded("drive_400_ownership")
        eve = {"type": "user", "role": "owner", "emailAddress": "eve@rehearsal.example"}
        google.json("POST", path, json=eve, params={"transferOwnership": "true"})
        roles = google.json("GET", path, token=EVE)["permissions"]
        assert [each["role"] for each in roles] == ["owner", "writer"]

    def test_an_unknown_permission_is_a_404(self, google: Google) -> None:
        path = f"{FILES}/{google.new_doc()}/permissions/123"
        for verb, body in [("GET", None), ("DELETE", None), ("PATCH", {"role": "reader"})]:
            error = google.refusal(verb, path, json=body)
            assert error["message"] == "Permission not found: 123."

    def test_only_the_role_and_the_expiry_are_writable(self, google: Google) -> None:
        doc_id = google.new_doc()
        google.share(doc_id, "eve@rehearsal.example")
        path = f"{FILES}/{doc_id}/permissions"
        eve = google.json("GET", path)["permissions"][1]["id"]
        error = google.refusal("PATCH", f"{path}/{eve}", json={"emailAddress": "x@y.example"})
        assert error["errors"][0]["reason"] == "fieldNotWritable"


@pytest.mark.parametrize("wanted", ["made-up", "1", "incident/42", "0" * 44])
def test_an_id_that_was_not_generated_is_refused(google: Google, wanted: str) -> None:
    error = google.refusal("POST", FILES, json={"id": wanted, "mimeType": FOLDER_TYPE})
    assert (error["code"], error["message"]) == (400, "The provided file ID is not usable.")


def test_a_copy_may_have_a_generated_id(google: Google) -> None:
    wanted = google.json("GET", f"{FILES}/generateIds", params={"count": 1})["ids"][0]
    path = f"{FILES}/{google.json('POST', FILES, json={'name': 'List.csv'})['id']}/copy"
    assert google.json("POST", path, json={"id": wanted})["id"] == wanted
    assert google.refusal("POST", path, json={"id": wanted})["code"] == 409
    path = f"{FILES}/{google.new_doc()}/copy"
    assert google.refusal("POST", path, json={"id": wanted})["code"] == 400


@pytest.mark.parametrize(
    "grantee", [{"type": "anyone"}, {"type": "domain", "domain": "rehearsal.example"}]
)
def test_only_people_and_groups_lose_access_by_themselves(
    google: Google, grantee: dict[str, str]
) -> None:
    path = f"{FILES}/{google.new_doc()}/permissions"
    soon = datetime.now(UTC) + timedelta(days=7)
    limited = {"role": "reader", "expirationTime": soon.isoformat()}
    assert google.refusal("POST", path, json=grantee | limited)["code"] == 400
    made = google.json("POST", path, json=grantee | {"role": "reader"})
    assert google.refusal("PATCH", f"{path}/{made['id']}", json=limited)["code"] == 400


def test_comments_are_listed_only_with_a_mask(google: Google) -> None:
    error = google.refusal("GET", f"{FILES}/{google.new_doc()}/comments")
    assert (error["code"], error["errors"][0]["reason"]) == (400, "required")
