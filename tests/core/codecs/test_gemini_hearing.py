"""The user's words as the Gemini codec tells them: one end for each utterance that was answered."""

from __future__ import annotations

import json

from neko_cli.core.commands import AppendAudio, SendText
from neko_cli.core.provider_events import InputTranscript, ProviderEvent
from tests.core.codecs.gem import COMPLETE, INTERRUPTED, codec, content, heard, kinds, sent, told, words


def finals(events: list[ProviderEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, InputTranscript) and event.final]


def items(events: list[ProviderEvent]) -> list[str]:
    return [event.item_id for event in events if isinstance(event, InputTranscript)]


def spoke(made) -> None:
    """Enough sound for an utterance."""
    sent(made, AppendAudio(bytes(64_000)))


def test_words_before_the_reply_are_final_when_it_begins() -> None:
    found = told(codec(), heard(" Hel"), heard("lo."), words("Hi"))
    assert finals(found) == ["Hello."]
    assert kinds(found)[-3:] == ["InputTranscript", "ReplyBegan", "ReplyWords"]
    assert len(set(items(found))) == 1


def test_words_that_end_by_themselves_are_told_once() -> None:
    made = codec()
    found = told(made, heard("Hel"), heard("lo.", finished=True), words("Hi"), COMPLETE)
    spoke(made)
    found += told(made, heard("And?"), words("So."), COMPLETE)
    assert finals(found) == ["Hello.", "And?"]


def test_an_end_without_words_ends_what_came_before() -> None:
    assert finals(told(codec(), heard("Hello."), content(inputTranscription={"finished": True}))) == [
        "Hello."
    ]
    assert told(codec(), content(inputTranscription={"finished": True}), heard("  ")) == []


def test_words_within_the_reply_are_what_it_answers_where_none_came_before() -> None:
    found = told(codec(), words("Hi"), heard("Hel"), heard("lo."), COMPLETE)
    assert finals(found) == ["Hello."]
    assert kinds(found)[-2:] == ["InputTranscript", "ReplyEnded"]


def test_more_words_within_the_reply_are_an_utterance_of_their_own() -> None:
    found = told(codec(), heard("Hello"), words("Hi"), heard(" there."), COMPLETE)
    assert finals(found) == ["Hello", "there."]
    assert len(set(items(found))) == 2


def test_words_right_behind_a_reply_without_any_are_what_it_answered() -> None:
    found = told(codec(), words("Hi"), COMPLETE, heard("Hello."))
    assert finals(found) == ["Hello."]


def test_an_answered_utterance_without_words_is_told_as_empty_before_the_next() -> None:
    made = codec()
    found = told(made, words("Hi"), COMPLETE)
    spoke(made)
    found += told(made, heard("And?"), words("So."), COMPLETE)
    assert finals(found) == ["", "And?"]
    spoke(made)
    found = told(made, words("x"), COMPLETE)
    spoke(made)
    assert finals([*found, *told(made, words("y"), COMPLETE)]) == [""]


def test_a_typed_turn_waits_for_no_words() -> None:
    made = codec()
    sent(made, SendText("x"))
    found = told(made, words("Hi"), COMPLETE)
    spoke(made)
    found += told(made, heard("And"), heard(" now?"), words("So."), COMPLETE)
    assert finals(found) == ["And now?"]


def test_no_words_are_missed_that_were_not_asked_for() -> None:
    made = codec(want_captions=False)
    found = told(made, words("Hi"), COMPLETE)
    spoke(made)
    assert finals([*found, *told(made, words("So."), COMPLETE)]) == []


def test_words_over_a_reply_begin_what_cuts_it() -> None:
    found = told(
        codec(), heard("Go."), words("Once"), heard("Wait"), INTERRUPTED, heard(" a bit."), words("Yes?")
    )
    assert finals(found) == ["Go.", "Wait a bit."]


def test_late_words_of_a_cut_reply_are_its_own() -> None:
    found = told(codec(), words("Once"), heard("Go."), INTERRUPTED, heard("Wait."), words("Yes?"))
    assert finals(found) == ["Go.", "Wait."]


def test_an_answer_cut_before_it_began_leaves_two_utterances() -> None:
    found = told(codec(), heard("One."), INTERRUPTED, COMPLETE, heard("Two."), words("Hi"))
    assert finals(found) == ["One.", "Two."]


def test_speech_over_a_reply_that_may_not_be_interrupted_goes_on_behind_it() -> None:
    made = codec(interrupt_reply=False)
    found = told(made, heard("One."), words("a"), heard("Two"))
    spoke(made)
    found += told(made, COMPLETE, heard(" three."), words("b"), COMPLETE)
    assert finals(found) == ["One.", "Two three."]


def test_a_guess_gives_way_to_the_words() -> None:
    guess = content(interimInputTranscription={"text": "hell oh"})
    found = told(codec(), guess, heard("Hello"), words("Hi"))
    assert [event.text for event in found if isinstance(event, InputTranscript)] == [
        "hell oh",
        "Hello",
        "Hello",
    ]
    assert len(set(items(found))) == 1


def test_where_the_service_tells_of_utterances_words_may_come_later() -> None:
    def activity(kind: str) -> str:
        return json.dumps({"voiceActivity": {"voiceActivityType": kind}})

    found = told(
        codec(), activity("ACTIVITY_START"), activity("ACTIVITY_END"),
        words("Hi"), heard("Hel"), heard("lo."), COMPLETE, activity("ACTIVITY_START"),
    )  # fmt: skip
    assert kinds(found) == [
        "SpeechBegan", "SpeechEnded", "InputCommitted", "ReplyBegan", "ReplyWords", "InputTranscript",
        "InputTranscript", "ReplyEnded", "InputTranscript", "SpeechBegan",
    ]  # fmt: skip
    assert finals(found) == ["Hello."]
    assert {found[0].item_id, found[2].item_id, *items(found)} == {"utterance-1"}


def test_an_utterance_is_bounded() -> None:
    made = codec()
    for _ in range(50):
        told(made, heard("x" * 1000))
    assert len(finals(told(made, words("Hi")))[0]) == 20_000
