"""The bounded queues: data can be refused or dropped, control always gets through."""

from __future__ import annotations

from neko_cli.core.errors import ServerFault
from neko_cli.speech.tts.mailboxes import MAX_MUTED, MAX_PIECES, RequestQueue, ResponseQueue
from neko_cli.speech.tts.messages import (
    EndOfSpeech,
    Failed,
    Interrupt,
    Ready,
    Request,
    Say,
    Shutdown,
    Sound,
    SpeechDone,
)


def all_of(queue: RequestQueue) -> list[Request]:
    found = []
    while (request := queue.take()) is not None:
        found.append(request)
    return found


def test_text_beyond_the_limit_is_refused_and_control_is_not() -> None:
    queue = RequestQueue(max_text=10)
    assert queue.put(Say("a", "12345"))
    assert queue.put(Say("a", "12345"))
    assert not queue.put(Say("a", "1"))
    assert queue.put(EndOfSpeech("a"))
    assert queue.take() == Say("a", "12345")
    assert not queue.put(Say("b", "1234")), "what the engine has not got takes room"
    queue.free(["12345"])
    assert queue.put(Say("b", "1234"))
    assert all_of(queue) == [Say("a", "12345"), EndOfSpeech("a"), Say("b", "1234")]
    queue.free(["12345", "1234"])
    assert queue.put(Say("c", "1234567890"))


def test_many_small_pieces_are_bounded_too() -> None:
    queue = RequestQueue()
    assert sum(queue.put(Say("a", "x")) for _ in range(2 * MAX_PIECES)) == MAX_PIECES


def test_an_interruption_takes_what_it_concerns_out_of_the_queue() -> None:
    queue = RequestQueue(max_text=10)
    queue.put(Say("a", "12345"))
    queue.put(EndOfSpeech("a"))
    queue.put(Say("b", "12345"))
    queue.put(Interrupt("a"))
    assert queue.put(Say("b", "12345"))
    assert all_of(queue) == [Say("b", "12345"), Interrupt("a"), Say("b", "12345")]
    queue.free(["12345", "12345"])
    queue.put(Say("c", "x"))
    queue.put(Interrupt())
    queue.put(Say("c2", "x"))
    queue.put(Interrupt())
    queue.put(Say("d", "y"))
    assert all_of(queue) == [Interrupt(), Say("d", "y")]


def test_repeated_control_does_not_pile_up() -> None:
    queue = RequestQueue()
    for _ in range(1_000):
        queue.put(Interrupt())
        queue.put(EndOfSpeech("a"))
        queue.put(Shutdown())
    assert len(all_of(queue)) <= 3


def test_sound_waits_for_room_and_marks_do_not() -> None:
    told = []
    queue = ResponseQueue(lambda: told.append(1), max_sounds=2)
    rooms = []
    queue.attach(lambda: rooms.append(1))
    assert queue.expect("a")
    assert queue.offer(Sound("a", b"1", 1))
    assert queue.offer(Sound("a", b"2", 1))
    assert not queue.offer(Sound("a", b"3", 1))
    assert queue.offer(SpeechDone("a"))
    queue.tell(Ready())
    assert len(told) == 4
    assert queue.take() == Sound("a", b"1", 1)
    assert rooms == [1]
    assert queue.offer(Sound("a", b"3", 1))


def test_states_overtake_sound() -> None:
    queue = ResponseQueue(lambda: None)
    queue.offer(Sound("a", b"1", 1))
    failed = Failed(ServerFault("x"))
    queue.tell(failed)
    assert queue.state() is failed
    assert queue.state() is None
    assert queue.take() is not None


def test_what_is_muted_never_comes_out_and_makes_room() -> None:
    queue = ResponseQueue(lambda: None, max_sounds=1)
    rooms = []
    queue.attach(lambda: rooms.append(1))
    for speech in "abc":
        assert queue.expect(speech)
    assert queue.offer(Sound("b", b"1", 1))
    queue.mute("b")
    assert rooms == [1]
    assert queue.take() is None
    assert queue.offer(Sound("b", b"2", 1))
    assert queue.offer(SpeechDone("b"))
    assert queue.take() is None
    queue.mute(None)
    assert not queue.expect("a")
    assert not queue.expect("c")
    assert queue.expect("d")
    assert queue.offer(Sound("d", b"3", 1))
    assert queue.take() == Sound("d", b"3", 1)


def test_the_memory_of_interruptions_is_bounded() -> None:
    queue = ResponseQueue(lambda: None)
    for number in range(3 * MAX_MUTED):
        queue.mute(f"s{number}")
    assert len(queue._muted) == MAX_MUTED
    assert not queue.expect(f"s{3 * MAX_MUTED - 1}")


def test_a_complete_speech_that_nobody_has_taken_is_muted_too() -> None:
    queue = ResponseQueue(lambda: None)
    assert queue.expect("a")
    queue.offer(Sound("a", b"1", 1))
    queue.offer(SpeechDone("a"))
    queue.mute(None)
    assert queue.take() is None
    assert not queue.expect("a")
