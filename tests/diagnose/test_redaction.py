"""No secret stays in a text or a document, whatever its shape; what is none stays as it is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.core.run_log import RunLog
from bootstrap.problems import redaction
from bootstrap.problems.catalogue import problem
from tests.diagnose.planted import DOCUMENTS, TEXTS, encodings, secrets

RECORDED = Path(__file__).parents[1] / "recorded"


@given(secrets, st.sampled_from(sorted(TEXTS)))
def test_a_secret_is_found_by_what_stands_around_it(secret: str, shape: str) -> None:
    said = redaction.text(f"before\n{TEXTS[shape](secret)}\nafter")
    assert not any(form in said for form in encodings(secret))
    assert said.startswith("before\n")
    assert redaction.REMOVED in said


@given(secrets, st.sampled_from(sorted(DOCUMENTS)))
def test_a_secret_in_a_document(secret: str, shape: str) -> None:
    said = json.dumps(redaction.document([DOCUMENTS[shape](secret), {"name": "shop", "n": 1, "no": None}]))
    assert secret not in said
    assert json.loads(said)[1] == {"name": "shop", "n": 1, "no": None}


@given(secrets, st.text(max_size=40), st.text(max_size=40), st.integers(0, 2))
def test_a_known_value_is_removed_wherever_it_stands(secret: str, before: str, after: str, form: int) -> None:
    said = redaction.text(before + encodings(secret)[form] + after, (secret,))
    assert not any(form in said for form in encodings(secret))


def test_a_known_value_in_another_known_value() -> None:
    assert redaction.text("at postgres-pass-word!", ("postgres", "postgres-pass-word")) == "at <removed>!"


def test_values_that_are_in_every_text_are_left() -> None:
    assert redaction.text("the app is up", ("app", "")) == "the app is up"


@pytest.mark.parametrize(
    "words",
    [
        'password authentication failed for user "postgres"',
        'Error: secret "postgres" not found',
        "tokenize-rt==6.0.0 and secretstorage==3.3.3",
        "KeyError: 'API_TOKEN'\nnext: line",
        "found character that cannot start any token\n  in line 3",
        "https://example.org/path@v1 and user@example.org",
    ],
)
def test_what_is_no_secret_stays(words: str) -> None:
    assert redaction.text(words) == words


PLAIN = ["true", "false", "True", "null", "None", "no", "~"]
NAMES = ["automountServiceAccountToken", "secure_cookie", "hasPassword", "enable-secret", "authorization", "apiKey"]


@given(st.sampled_from(NAMES), st.sampled_from(PLAIN), st.sampled_from(["{}: {}", '"{}": {},', '"{}": "{}"', "{}={}"]))
def test_a_truth_value_is_no_secret(name: str, value: str, shape: str) -> None:
    line = shape.format(name, value)
    assert redaction.text(f"before\n{line}\nafter: 1") == f"before\n{line}\nafter: 1"
    assert redaction.text(json.dumps({"x": line})) == json.dumps({"x": line})
    assert redaction.document({name: value, "list": [{"name": name, "value": value}]}) == {
        name: value,
        "list": [{"name": name, "value": value}],
    }


@pytest.mark.parametrize(
    "words",
    [
        "tokenExpirationSeconds: 3600",
        '{"tokenTTLSeconds":300,"passwordLength":12,"secrets":true}',
        "max_tokens: 4096",
        '"password_min_length": "12"',
        "--token-ttl 15m --secret-version=3",
    ],
)
def test_a_number_that_measures_something_is_no_secret(words: str) -> None:
    assert redaction.text(words) == words


def test_numbers_in_a_document_by_their_names() -> None:
    volume = {"secret": {"secretName": "tls", "defaultMode": 420, "optional": False}, "tokenExpirationSeconds": 3607}
    assert redaction.document(volume) == {
        "secret": {"secretName": "<removed>", "defaultMode": 420, "optional": False},
        "tokenExpirationSeconds": 3607,
    }


DIGITS = st.text("0123456789", min_size=4, max_size=20).filter(lambda digits: digits.count(digits[0]) < len(digits))


@given(
    DIGITS,
    st.sampled_from(["password", "token", "PORT_PASSWORD", "TIMEOUT_TOKEN", "max_secret", "pwd", "api-key"]),
    st.sampled_from(
        ["{}: {}", "{}={}", '"{}": {},', '"{}":"{}"', "{}: {}, then", '{{"{}":{},"x":true}}', "--{} {}", "{} = '{}'"]
    ),
)
def test_a_password_of_digits_is_a_secret(digits: str, name: str, shape: str) -> None:
    said = redaction.text(shape.format(name, digits))
    assert digits not in said
    assert redaction.REMOVED in said
    number = int(digits)
    assert str(number) not in json.dumps(redaction.document({name: number, "list": [{"name": name, "value": digits}]}))


@pytest.mark.parametrize("start", ["true", "null", "no", "1234", "15m"])
@pytest.mark.parametrize(
    "shape", ['password="{} Zqsecretx9"', "token={}Zqsecretx9", "pwd: '{} Zqsecretx9'", "Cookie: {}; s=Zqsecretx9"]
)
def test_a_secret_that_begins_as_a_plain_value_is_removed_whole(shape: str, start: str) -> None:
    assert "Zqsecretx9" not in redaction.text(shape.format(start))
    assert "Zqsecretx9" not in redaction.text(json.dumps({"message": shape.format(start)}))


def test_a_block_in_a_comment() -> None:
    assert "Zqsecretx9" not in redaction.text("# token: |\n#   Zqsecretx9\n#   Zqsecretx9\n# name: shop")


def test_what_follows_a_truth_value_is_looked_at() -> None:
    said = redaction.text('{"automountServiceAccountToken":false,"password":"abc","hasToken":null,"token":"d"}')
    assert said == ('{"automountServiceAccountToken":false,"password":<removed>,"hasToken":null,"token":<removed>}')


def test_of_what_tools_really_say_nothing_is_lost_but_secrets() -> None:
    changed = {}
    for path in sorted(RECORDED.rglob("*.txt")):
        words = path.read_text(errors="replace")
        if redaction.text(words) != words:
            changed[str(path.relative_to(RECORDED))] = redaction.text(words)
    assert all(redaction.REMOVED in words for words in changed.values())
    assert len(changed) <= 3, sorted(changed)


@pytest.mark.parametrize(
    "words",
    [
        "a" * 100_000,
        "token" * 20_000,
        "token: true, " * 5_000,
        "token: 12," * 9_000,
        "--token-" * 5_000,
        "://" * 30_000,
        '\\"' * 30_000,
    ],
)
def test_long_words_are_read(words: str) -> None:
    assert redaction.text(words)  # with a time that grows faster than the text, this would not end


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_document_can_be_read(value: object) -> None:
    json.dumps(redaction.document(value))


@given(secrets, st.sampled_from(sorted(TEXTS)))
def test_a_problem_never_holds_one(secret: str, shape: str) -> None:
    found = problem("broker-died", "It died.", evidence=TEXTS[shape](secret))
    assert not any(form in found.evidence for form in encodings(secret))


@given(st.lists(st.tuples(secrets, st.sampled_from(sorted(TEXTS))), min_size=1, max_size=5), secrets)
def test_the_record_of_a_run_never_holds_one(
    tmp_path_factory: pytest.TempPathFactory, planted: list[tuple[str, str]], known: str
) -> None:
    folder = tmp_path_factory.mktemp("state")
    held: set[str] = set()
    log = RunLog(folder, "up", held)
    held.add(known)  # read from a Secret while the run goes on
    for secret, shape in planted:
        log.write("note", text=TEXTS[shape](secret), argv=["tool", f"--password={secret}"], said={"token": secret})
    log.write("note", text=f"it says {known}")
    log.close()
    text = (log.folder / "events.jsonl").read_text()
    assert len(text.splitlines()) == len(planted) + 1
    for secret in (known, *(secret for secret, _ in planted)):
        assert not any(form in text for form in encodings(secret))
