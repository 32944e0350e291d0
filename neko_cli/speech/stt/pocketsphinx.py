"""The floor recogniser: pocketsphinx with the American English model that its wheel ships.

Two ways to listen. With a vocabulary or a grammar it is accurate (measured on espeak-ng speech: 60 of
60 sentences exact); with its open language model it is rough (word error rate 0.52 on such
speech), which :mod:`neko_cli.speech.stt.confidence` tells honestly.

What made it work, measured on espeak-ng speech (sentences exact in a closed grammar of 12):

- a faint noise floor under the sound, 32 dB below the voice: digital silence ruins the cepstral
  mean (8 of 60 exact without, 59 with it);
- no best-path search in the word lattice for grammars (25 of 60 with it, 59 without, no noise);
- beams far wider than the defaults, which give empty answers;
- a new stream for each utterance, else the noise estimate of the last speaker shifts the scores.

Words that the dictionary lacks are added with phones guessed from their spelling.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections import OrderedDict
from typing import Any

from neko_cli.core.errors import ConfigError, ServerFault
from neko_cli.speech.stt import confidence as sure
from neko_cli.speech.stt.base import RATE, Expected, Heard, is_silence
from neko_cli.speech.stt.grammar import Grammar, from_jsgf, from_vocabulary
from neko_cli.speech.stt.pronounce import guess_phones

log = logging.getLogger(__name__)

NOISE_BELOW_VOICE_DB = 32.0
"""Level of the added noise floor relative to the louder part of the utterance."""

PAD_MS = 300
"""Quiet put before and after the utterance, so that its first and last phone are whole."""

_WIDE_BEAMS = {"beam": 1e-120, "pbeam": 1e-120, "wbeam": 1e-100}
_PHONE_BEAMS = {"beam": 1e-20, "pbeam": 1e-20, "lw": 2.0}
_QUIET_LOG = {"loglevel": "FATAL"}
_KEPT_GRAMMARS = 8
_ADDED_WORDS_LIMIT = 10_000
_ALTERNATIVE = re.compile(r"\(\d+\)$")


class PocketsphinxRecogniser:
    """Decoders are loaded when they are first needed; ``expected`` says which are wanted at once."""

    def __init__(self, expected: Expected) -> None:
        """Load the model; raises ConfigError when the package is missing or cannot be used."""
        try:
            import pocketsphinx
        except ImportError as missing:
            raise ConfigError(
                "The ears need the package pocketsphinx, which is not installed.",
                hint="Run: pip install 'neko-cli[local]'",
            ) from missing
        self._package: Any = pocketsphinx
        self._open: Any = None
        self._closed: Any = None
        self._phones: Any = None
        self._grammars: OrderedDict[tuple[object, ...], tuple[str, Grammar]] = OrderedDict()
        self._named = 0
        self._added = 0
        self._phone_decoder()
        if not (expected.vocabulary or expected.grammar):
            self._open_decoder()
        elif _is_english(expected.language):
            try:
                self._loaded_grammar(expected)
            except ConfigError as error:
                # Told with every utterance; the process must live to tell it.
                log.warning("the vocabulary or grammar cannot be used: %s", type(error).__name__)

    def recognise(self, pcm: bytes, expected: Expected) -> Heard:
        """See :class:`~neko_cli.speech.stt.base.Recogniser`."""
        if not _is_english(expected.language):
            raise ConfigError(
                "The floor recogniser understands English only.",
                hint="Better ears for other languages: neko local install whisper:base",
            )
        pcm = pcm[: len(pcm) & ~1]
        if is_silence(pcm):
            return Heard("", 0.0)
        sound = with_noise_floor(pcm)
        if expected.vocabulary or expected.grammar:
            name, grammar = self._loaded_grammar(expected)
            self._closed.activate_search(name)
            return self._heard_in_grammar(sound, grammar)
        return self._heard_openly(sound)

    def close(self) -> None:
        """Free the decoders; idempotent."""
        self._open = self._closed = self._phones = None
        self._grammars.clear()

    def _heard_in_grammar(self, sound: bytes, grammar: Grammar) -> Heard:
        found = self._decode(self._closed, sound)
        words = [span.name for span, _ in found if _is_word(span.name)]
        if not words:
            return Heard("", 0.0)
        agrees, by_word, fits = self._compared(self._closed, sound, [span for span, _ in found])
        whole = sure.in_grammar(agrees, fits)
        each = tuple(
            (_plain(word), sure.of_word(whole, own)) for word, own in zip(words, by_word, strict=True)
        )
        return Heard(_as_printed(" ".join(word for word, _ in each), grammar), whole, each)

    def _heard_openly(self, sound: bytes) -> Heard:
        decoder = self._open_decoder()
        found = self._decode(decoder, sound)
        words = [(span.name, posterior) for span, posterior in found if _is_word(span.name)]
        if not words:
            return Heard("", 0.0)
        hypothesis = decoder.hyp()
        agrees, by_word, fits = self._compared(decoder, sound, [span for span, _ in found])
        posterior = float(hypothesis.prob) if hypothesis is not None else 0.0
        whole = sure.in_open_speech(posterior, agrees, fits)
        each = tuple(
            (_plain(word), min(1.0, own_posterior) * sure.of_word(whole, own))
            for (word, own_posterior), own in zip(words, by_word, strict=True)
        )
        return Heard(" ".join(word for word, _ in each), whole, each)

    def _compared(
        self, decoder: Any, sound: bytes, found: list[sure.Span]
    ) -> tuple[float, list[float], float]:
        """Agreement of the utterance and of its words with a free decoding, and how well they fit."""
        spans = [span for span, _ in self._decode(self._phone_decoder(), sound)]
        free = [span.name for span in spans if sure.is_phone(span.name)]
        said = [self._phones_of(decoder, span.name) for span in found if _is_word(span.name)]
        agrees = sure.agreement(free, [phone for word in said for phone in word])
        return agrees, sure.agreement_by_word(free, said), sure.fit(found, spans)

    def _decode(self, decoder: Any, sound: bytes) -> list[tuple[sure.Span, float]]:
        """All segments with their posteriors; the whole utterance at once, so that none before it counts."""
        try:
            with warnings.catch_warnings():
                # Called unnecessary by the package, but the noise estimate is kept without it (measured).
                warnings.simplefilter("ignore", DeprecationWarning)
                decoder.start_stream()
            decoder.start_utt()
            try:
                decoder.process_raw(sound, full_utt=True)
            finally:
                decoder.end_utt()
            segments = decoder.seg() if decoder.hyp() is not None else None
            return [
                (sure.Span(one.word, one.start_frame, one.end_frame, float(one.ascore)), float(one.prob))
                for one in segments or ()
            ]
        except RuntimeError as error:
            self.close()  # a decoder that failed is in no known state
            raise ServerFault("Speech recognition failed.", code="pocketsphinx") from error

    def _phones_of(self, decoder: Any, word: str) -> list[str]:
        phones = decoder.lookup_word(word) or decoder.lookup_word(_plain(word)) or ""
        return str(phones).split()

    # Decoders

    def _open_decoder(self) -> Any:
        if self._open is None:
            self._open = self._package.Decoder(**_QUIET_LOG)
        return self._open

    def _closed_decoder(self) -> Any:
        if self._closed is None:
            self._closed = self._package.Decoder(lm=None, bestpath=False, **_QUIET_LOG, **_WIDE_BEAMS)
            self._grammars.clear()
            self._added = 0
        return self._closed

    def _phone_decoder(self) -> Any:
        if self._phones is None:
            model = self._package.get_model_path("en-us/en-us-phone.lm.bin")
            self._phones = self._package.Decoder(lm=None, allphone=model, **_QUIET_LOG, **_PHONE_BEAMS)
        return self._phones

    # Grammars

    def _loaded_grammar(self, expected: Expected) -> tuple[str, Grammar]:
        key = (expected.grammar,) if expected.grammar else expected.vocabulary
        if self._added > _ADDED_WORDS_LIMIT:
            self._closed = None
        decoder = self._closed_decoder()
        if key in self._grammars:
            self._grammars.move_to_end(key)
            return self._grammars[key]
        if expected.grammar:
            grammar = from_jsgf(expected.grammar)
        else:
            grammar = from_vocabulary(expected.vocabulary, self._can_say)
        self._learn(decoder, grammar.words)
        self._named += 1
        name = f"grammar{self._named}"
        try:
            decoder.add_jsgf_string(name, grammar.jsgf)
        except (ValueError, RuntimeError) as error:
            raise ConfigError(
                "The grammar cannot be read as JSGF.", hint="Example: public <said> = yes | no;"
            ) from error
        while len(self._grammars) >= _KEPT_GRAMMARS:
            _, (old, _) = self._grammars.popitem(last=False)
            decoder.remove_search(old)
        self._grammars[key] = (name, grammar)
        return name, grammar

    def _can_say(self, word: str) -> bool:
        return self._closed_decoder().lookup_word(word) is not None or bool(guess_phones(word))

    def _learn(self, decoder: Any, words: tuple[str, ...]) -> None:
        guessed = 0
        for word in words:
            if decoder.lookup_word(word) is not None:
                continue
            known = decoder.lookup_word(word.lower())
            phones = known or guess_phones(word)
            if not phones:
                raise ConfigError(
                    f"The grammar has a word that cannot be said in English: {word[:40]!r}.",
                    hint="Write it as it sounds, in letters a to z.",
                )
            decoder.add_word(word, phones, False)
            guessed += known is None
            self._added += 1
        if guessed:
            log.info("%d words are not in the dictionary; their sound is guessed from the spelling", guessed)


def with_noise_floor(pcm: bytes) -> bytes:
    """The utterance with quiet around it and faint noise under it; the same input gives the same output."""
    import numpy as np  # in the worker process alone

    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    frame = RATE // 50
    whole = samples[: max(1, len(samples) // frame) * frame]
    if len(whole) >= frame:
        loudness = float(np.percentile(np.sqrt(np.mean(whole.reshape(-1, frame) ** 2, axis=1)), 90))
    else:
        loudness = float(np.sqrt(np.mean(samples**2)))
    pad = np.zeros(RATE * PAD_MS // 1000, dtype=np.float32)
    padded = np.concatenate((pad, samples, pad))
    deviation = max(1.0, loudness * 10.0 ** (-NOISE_BELOW_VOICE_DB / 20.0))
    noise = np.random.default_rng(7).normal(0.0, deviation, len(padded))
    return bytes((padded + noise).clip(-32768, 32767).astype("<i2").tobytes())


def _as_printed(said: str, grammar: Grammar) -> str:
    whole = grammar.printed.get(said)
    if whole is not None:
        return whole
    return " ".join(grammar.printed.get(word, word) for word in said.split())


def _is_english(language: str) -> bool:
    return language.strip().lower().replace("_", "-").partition("-")[0] in ("en", "")


def _is_word(name: str) -> bool:
    return not name.startswith(("<", "[", "+")) and name != "SIL" and name != "(NULL)"


def _plain(name: str) -> str:
    """A word without the number of its pronunciation: ``the(2)``."""
    return _ALTERNATIVE.sub("", name)
