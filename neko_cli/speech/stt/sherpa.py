"""sherpa-onnx models from a folder: transducers (streaming or not), CTC, Whisper, SenseVoice.

What a folder holds is told by its file names, which sherpa-onnx's own releases keep to, and by the
metadata in its model. Where both an ``int8`` and a full model lie there, the ``int8`` one is taken: it
is faster on a processor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError, ServerFault
from neko_cli.speech.model_folder import need_package
from neko_cli.speech.stt.base import RATE, Expected, Heard, is_silence

THREADS = 1
FULL_SCALE = 32768.0
TAIL_S = 0.66
"""Silence after the utterance, in seconds: a streaming model answers only after its look-ahead."""


def files_of(names: Sequence[str]) -> Mapping[str, str]:
    """The files of a recogniser by what they are; pure. Raises ConfigError for other folders."""
    tokens = _pick(names, "tokens", ".txt")
    encoder, decoder, joiner = (_pick(names, part, ".onnx") for part in ("encoder", "decoder", "joiner"))
    model = _pick(names, "model", ".onnx")
    if tokens and encoder and decoder:
        files = {"tokens": tokens, "encoder": encoder, "decoder": decoder}
        return {**files, "joiner": joiner} if joiner else files
    if tokens and model:
        return {"tokens": tokens, "model": model}
    raise ConfigError(
        "The folder holds no sherpa-onnx recogniser that neko can load.",
        hint="It needs tokens.txt and either encoder, decoder and joiner, or model.onnx.",
    )


def _pick(names: Sequence[str], part: str, suffix: str) -> str:
    found = sorted(name for name in names if part in name and name.endswith(suffix))
    small = [name for name in found if ".int8." in name]
    return (small or found or [""])[0]


def loader_for(files: Mapping[str, str], metadata: bytes) -> str:
    """The loader for a folder, by the metadata of its encoder or model; pure. Raises ConfigError.

    It must be right the first time: sherpa-onnx ends the process when it is given a model of another
    kind (``does not exist in the metadata``).
    """
    streams = any(mark in metadata for mark in _STREAMING_MARKS)
    if "joiner" in files:
        if streams:
            return "streaming transducer"
        return "nemo transducer" if b"pred_rnn_layers" in metadata else "transducer"
    if "encoder" in files:
        if b"n_mels" in metadata:
            return "whisper"
    elif b"lang_zh" in metadata and b"with_itn" in metadata:
        return "sense voice"
    elif b"zipformer2_ctc" in metadata or b"zipformer2" in metadata:
        return "streaming zipformer ctc" if streams else "zipformer ctc"
    elif b"EncDecCTC" in metadata or b"EncDecHybrid" in metadata:
        return "streaming nemo ctc" if streams else "nemo ctc"
    elif b"lfr_window_size" in metadata:
        return "paraformer"
    raise ConfigError(
        "This kind of sherpa-onnx model is not supported.",
        hint="Supported: transducers, Zipformer and NeMo CTC, Whisper, SenseVoice, Paraformer.",
    )


_STREAMING_MARKS = (b"decode_chunk_len", b"chunk_shift", b"rnn_hidden_size")
"""Metadata keys that only models for streaming have."""

_METADATA_BYTES = 262_144
"""Metadata stands at the end of an ONNX file, after the graph."""


def read_metadata(model: Path) -> bytes:
    """The end of an ONNX file, which holds its metadata."""
    with model.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _METADATA_BYTES))
        return file.read()


def _loaders(package: Any) -> Mapping[str, Callable[..., Any]]:
    offline, online = package.OfflineRecognizer, package.OnlineRecognizer
    return {
        "streaming transducer": online.from_transducer,
        "streaming zipformer ctc": online.from_zipformer2_ctc,
        "streaming nemo ctc": online.from_nemo_ctc,
        "transducer": offline.from_transducer,
        "nemo transducer": partial(offline.from_transducer, model_type="nemo_transducer"),
        "whisper": partial(offline.from_whisper, language=""),
        "sense voice": partial(offline.from_sense_voice, use_itn=True),
        "zipformer ctc": offline.from_zipformer_ctc,
        "nemo ctc": offline.from_nemo_ctc,
        "paraformer": offline.from_paraformer,
    }


class SherpaRecogniser:
    """A loaded sherpa-onnx model. Vocabulary and grammar are not used by these models."""

    def __init__(self, folder: Path) -> None:
        """Load the model; raises ConfigError when the package or the model is missing."""
        try:
            import sherpa_onnx  # the extra `sherpa`
        except ImportError as missing:
            raise need_package("sherpa-onnx", "sherpa") from missing
        files = files_of([path.name for path in folder.iterdir() if path.is_file()])
        loader = loader_for(files, read_metadata(folder / files.get("encoder", files.get("model", ""))))
        self._streaming = loader.startswith("streaming")
        paths = {name: str(folder / file) for name, file in files.items()}
        if loader == "paraformer":
            paths["paraformer"] = paths.pop("model")
        try:
            self._model: Any = _loaders(sherpa_onnx)[loader](**paths, num_threads=THREADS)
        except (RuntimeError, ValueError, OSError) as error:
            raise ConfigError(
                f"The sherpa-onnx model {folder.name!r} cannot be loaded.",
                hint=f"Install it again: neko local remove sherpa:{folder.name}, then install.",
            ) from error

    def recognise(self, pcm: bytes, expected: Expected) -> Heard:
        """See :class:`~neko_cli.speech.stt.base.Recogniser`."""
        import numpy as np

        if expected.grammar:
            raise ConfigError(
                "sherpa-onnx takes no grammar.", hint="Use the recogniser pocketsphinx for grammars."
            )
        pcm = pcm[: len(pcm) & ~1]
        if is_silence(pcm):
            return Heard("", 0.0)
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / FULL_SCALE
        try:
            stream = self._model.create_stream()
            stream.accept_waveform(RATE, samples)
            if self._streaming:
                stream.accept_waveform(RATE, np.zeros(int(TAIL_S * RATE), dtype=np.float32))
                stream.input_finished()
                while self._model.is_ready(stream):
                    self._model.decode_stream(stream)
                result = self._model.get_result_all(stream)
            else:
                self._model.decode_stream(stream)
                result = stream.result
        except RuntimeError as error:
            raise ServerFault("Speech recognition failed.", code="sherpa-onnx") from error
        text = str(result.text).strip()
        return Heard(text, _confidence(result)) if text else Heard("", 0.0)

    def close(self) -> None:
        """Free the model; idempotent."""
        self._model = None


UNKNOWN_CONFIDENCE = 0.8
"""Told for models that give no probabilities: neither certain nor doubtful enough to ask again."""


def _confidence(result: Any) -> float:
    """Mean probability of a token where the model tells them."""
    told = [float(value) for value in (getattr(result, "ys_probs", None) or ())]
    if not told:
        return UNKNOWN_CONFIDENCE
    return max(0.0, min(1.0, math.exp(sum(told) / len(told))))
