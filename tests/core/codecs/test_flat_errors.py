"""What the errors of the flat family mean; many of them have words and no code."""

from __future__ import annotations

import pytest

from neko_cli.core import classify
from neko_cli.core.codecs import flat_errors
from neko_cli.core.codecs.openai_frames import SETUP_EVENT
from neko_cli.core.errors import Category, SessionExpired
from neko_cli.core.ports import Closing
from neko_cli.core.provider_events import ProviderFault
from tests.core.codecs.flat import PROVIDERS, codec, feed

READY = ("session.created", "session.updated")


def fault(provider: str, *, ready: bool = True, **error: object) -> ProviderFault:
    made = codec(provider)
    for kind in READY if ready else ():
        feed(made, kind, session={"id": "s"})
    (event,) = feed(made, "error", error=error)
    assert isinstance(event, ProviderFault)
    return event


@pytest.mark.parametrize(
    ("provider", "error", "code"),
    [
        ("qwen", {"message": "Conversation has none active response"}, "response_cancel_not_active"),
        (
            "qwen",
            {"code": "invalid_value", "message": "Conversation already has an active response"},
            "conversation_already_has_active_response",
        ),
        (
            "qwen",
            {
                "code": "invalid_value",
                "message": "Cannot create response while another response is in progress.",
            },
            "conversation_already_has_active_response",
        ),
        (
            "qwen",
            {"code": "invalid_value", "message": "Error append image before append audio."},
            flat_errors.IMAGE_BEFORE_AUDIO,
        ),
        ("stepfun", {"message": "no ongoing response to cancel"}, "response_cancel_not_active"),
        (
            "stepfun",
            {"message": "ongoing response already exists"},
            "conversation_already_has_active_response",
        ),
        ("stepfun", {"message": "append is not called"}, "input_audio_buffer_commit_empty"),
        ("glm", {"code": "stop_task_error", "message": "x"}, "response_cancel_not_active"),
    ],
)
def test_what_came_too_late_or_too_early_is_no_fault(provider: str, error: dict[str, str], code: str) -> None:
    event = fault(provider, type="invalid_request_error", **error)
    assert (event.error.code, event.benign, event.ends_link) == (code, True, False)


@pytest.mark.parametrize(
    ("provider", "error", "category", "ends"),
    [
        ("qwen", {"code": "Arrearage", "message": "Access denied."}, Category.QUOTA, True),
        ("qwen", {"message": "Access denied, is your account in good standing?"}, Category.QUOTA, True),
        ("qwen", {"message": "Allocated quota exceeded, please increase."}, Category.RATE_LIMIT, False),
        ("qwen", {"code": "InvalidApiKey", "message": "x"}, Category.CREDENTIALS, True),
        ("qwen", {"code": "response_idle_timeout", "message": "x"}, Category.EXPIRED, True),
        ("qwen", {"code": "DataInspectionFailed", "message": "x"}, Category.REQUEST, False),
        ("qwen", {"type": "server_error", "message": "x"}, Category.SERVER, True),
        ("stepfun", {"type": "server_error", "message": "x"}, Category.SERVER, False),
        ("stepfun", {"code": 429, "message": "x"}, Category.RATE_LIMIT, False),
        ("stepfun", {"code": 402, "message": "x"}, Category.QUOTA, True),
        ("stepfun", {"type": "censorship_blocked", "message": "x"}, Category.REQUEST, False),
        ("glm", {"code": "1113", "message": "x"}, Category.QUOTA, True),
        ("glm", {"code": "1302", "message": "x"}, Category.RATE_LIMIT, False),
        ("glm", {"code": "1002", "message": "x"}, Category.CREDENTIALS, True),
        ("glm", {"code": "model_query_error", "message": "x"}, Category.SERVER, False),
        ("glm", {"code": "video_model_query_error", "message": "x"}, Category.REQUEST, False),
        ("azure-preview", {"code": "429", "message": "x"}, Category.RATE_LIMIT, False),
        ("azure-preview", {"code": "session_expired", "message": "x"}, Category.EXPIRED, True),
    ],
)
def test_what_an_error_means(provider: str, error: dict[str, object], category: Category, ends: bool) -> None:
    event = fault(provider, **error)
    assert (event.error.category, event.benign, event.ends_link) == (category, False, ends)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_configuration_that_is_refused_leads_nowhere(provider: str) -> None:
    made = codec(provider)
    feed(made, "session.created", session={"id": "s"})
    (event,) = feed(made, "error", error={"code": "invalid_value", "message": "x", "event_id": SETUP_EVENT})
    assert event.ends_link
    # So does one instead of a greeting.
    assert fault(provider, ready=False, code="invalid_value", message="x").ends_link


@pytest.mark.parametrize("message", [None, 5, ["x"], {"a": 1}, "x" * 1_000_000])
@pytest.mark.parametrize("code", [None, 5, ["x"], {}, "y" * 1_000_000])
def test_an_error_may_be_anything(code: object, message: object) -> None:
    event = fault("qwen", code=code, message=message)
    assert len(event.error.message) < 1000
    assert len(event.error.code) < 200


@pytest.mark.parametrize("seconds", [180, 300])
def test_a_session_that_was_closed_for_being_idle_can_be_opened_again(seconds: int) -> None:
    reason = f"Your session was closed because no response was generated for {seconds} seconds."
    error = classify.from_close(Closing(code=1007, reason=reason), who="Qwen-Omni")
    assert isinstance(error, SessionExpired)
    assert not error.permanent
