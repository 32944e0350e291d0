"""Makes tiny models that the real engines load and run: a program for .venv-models.

Their weights are chosen, not trained: the recognisers hear ``yes`` in loud sound and nothing in faint
sound (Whisper always hears it), the voice is a tone as long as its text.

    python small_models.py KIND FOLDER      KIND: piper, ctc, transducer, streaming, whisper
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

TOKENS = ("<blk>", "▁yes", "▁no", "<unk>")
LOUD = np.array([0, 1, 0, 0], np.float32)
"""Adds the mean of the filter banks to the token ``yes``; the bias decides how loud is loud."""
BIAS = np.array([0, 6, -50, -50], np.float32)
TONE_HZ, PIPER_RATE, SAMPLES_PER_PHONEME = 440, 22_050, 1_000
FLOAT, INT64 = 1, 7


def save_onnx(
    path: Path,
    nodes: list[Any],
    inputs: dict[str, tuple[int, list[Any]]],
    outputs: dict[str, tuple[int, list[Any]]],
    constants: dict[str, Any],
    metadata: dict[str, Any] | None = None,
) -> None:
    """Write a graph of nodes (operator, inputs, outputs, attributes)."""
    import onnx
    from onnx import helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node(op, takes, gives, **more) for op, takes, gives, more in nodes],
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def make_piper(folder: Path) -> None:
    """A voice that hums."""
    nodes = [
        ("ReduceSum", ["input_lengths"], ["phonemes"], {"keepdims": 0}),
        ("Mul", ["phonemes", "each"], ["samples"], {}),
        ("Range", ["first", "samples", "step"], ["index"], {}),
        ("Cast", ["index"], ["time"], {"to": FLOAT}),
        ("Mul", ["time", "pitch"], ["phase"], {}),
        ("Sin", ["phase"], ["tone"], {}),
        # Inputs that a graph does not use are taken out of it, so they are added times nothing.
        ("ReduceMax", ["scales"], ["scale"], {"keepdims": 0}),
        ("Cast", ["input"], ["ids"], {"to": FLOAT}),
        ("ReduceMax", ["ids"], ["id"], {"keepdims": 0}),
        ("Add", ["scale", "id"], ["unused"], {}),
        ("Mul", ["unused", "nothing"], ["zero"], {}),
        ("Add", ["tone", "zero"], ["flat"], {}),
        ("Unsqueeze", ["flat", "axes"], ["output"], {}),
    ]
    save_onnx(
        folder / "tiny.onnx",
        nodes,
        {"input": (INT64, [1, None]), "input_lengths": (INT64, [1]), "scales": (FLOAT, [3])},
        {"output": (FLOAT, [1, 1, None])},
        {
            "each": np.int64(SAMPLES_PER_PHONEME),
            "first": np.int64(0),
            "step": np.int64(1),
            "pitch": np.float32(2 * math.pi * TONE_HZ / PIPER_RATE),
            "nothing": np.float32(0),
            "axes": np.array([0, 1], np.int64),
        },
    )
    letters = "abcdefghijklmnopqrstuvwxyzæɐɑɒɔəɚɛɜɡɪʊʌʃʒθðŋɹˈˌː .,?!"
    ids = {letter: [number] for number, letter in enumerate(letters, 3)} | {"_": [0], "^": [1], "$": [2]}
    settings = {
        "audio": {"sample_rate": PIPER_RATE},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "num_symbols": len(ids),
        "num_speakers": 1,
        "inference": {"noise_scale": 0.6, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": ids,
    }
    (folder / "tiny.onnx.json").write_text(json.dumps(settings), encoding="utf-8")


def write_tokens(folder: Path) -> None:
    """The token table of the sherpa models."""
    lines = [f"{token} {number}\n" for number, token in enumerate(TOKENS)]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")


def make_ctc(folder: Path) -> None:
    """A Zipformer CTC model by its metadata: one frame out for each frame in."""
    write_tokens(folder)
    nodes = [
        ("ReduceMean", ["x"], ["loudness"], {"axes": [2], "keepdims": 1}),
        ("Mul", ["loudness", "loud"], ["weighed"], {}),
        ("Add", ["weighed", "bias"], ["logits"], {}),
        ("LogSoftmax", ["logits"], ["log_probs"], {"axis": 2}),
        ("Identity", ["x_lens"], ["log_probs_len"], {}),
    ]
    save_onnx(
        folder / "model.onnx",
        nodes,
        {"x": (FLOAT, ["N", "T", 80]), "x_lens": (INT64, ["N"])},
        {"log_probs": (FLOAT, ["N", "T", 4]), "log_probs_len": (INT64, ["N"])},
        {"loud": LOUD, "bias": BIAS},
        {"model_type": "zipformer2_ctc", "vocab_size": 4, "subsampling_factor": 1, "version": 1},
    )


def make_transducer(folder: Path, *, streaming: bool = False) -> None:
    """A transducer; the streaming one has the state of an LSTM that it only hands on."""
    write_tokens(folder)
    ones = np.ones(8, np.float32)
    loudness = [
        ("ReduceMean", ["seen"], ["loudness"], {"axes": [2], "keepdims": 1}),
        ("Mul", ["loudness", "ones"], ["encoder_out"], {}),
    ]
    if streaming:
        state = (FLOAT, [1, "N", 8])
        save_onnx(
            folder / "encoder.onnx",
            [
                ("Slice", ["x", "from", "to", "axis"], ["seen"], {}),
                *loudness,
                ("Identity", ["h"], ["next_h"], {}),
                ("Identity", ["c"], ["next_c"], {}),
            ],
            {"x": (FLOAT, ["N", 9, 80]), "h": state, "c": state},
            {"encoder_out": (FLOAT, ["N", "T", 8]), "next_h": state, "next_c": state},
            {"ones": ones} | {name: np.array([at]) for name, at in (("from", 0), ("to", 4), ("axis", 1))},
            {"model_type": "lstm", "num_encoder_layers": 1, "T": 9, "decode_chunk_len": 4}
            | {"rnn_hidden_size": 8, "d_model": 8},
        )
    else:
        save_onnx(
            folder / "encoder.onnx",
            [
                ("Identity", ["x"], ["seen"], {}),
                *loudness,
                ("Identity", ["x_lens"], ["encoder_out_lens"], {}),
            ],
            {"x": (FLOAT, ["N", "T", 80]), "x_lens": (INT64, ["N"])},
            {"encoder_out": (FLOAT, ["N", "T", 8]), "encoder_out_lens": (INT64, ["N"])},
            {"ones": ones},
            {"model_type": "zipformer2", "version": 1},
        )
    save_onnx(
        folder / "decoder.onnx",
        [
            ("Gather", ["y", "newest"], ["token"], {"axis": 1}),
            ("OneHot", ["token", "depth", "values"], ["decoder_out"], {"axis": -1}),
        ],
        {"y": (INT64, ["N", 2])},
        {"decoder_out": (FLOAT, ["N", 4])},
        {"newest": np.int64(1), "depth": np.int64(4), "values": np.array([0, 1], np.float32)},
        {"vocab_size": 4, "context_size": 2},
    )
    not_twice = np.zeros((4, 4), np.float32)
    not_twice[1, 1] = -100
    save_onnx(
        folder / "joiner.onnx",
        [
            ("ReduceMean", ["encoder_out"], ["loudness"], {"axes": [1], "keepdims": 1}),
            ("Mul", ["loudness", "loud"], ["heard"], {}),
            ("MatMul", ["decoder_out", "not_twice"], ["said"], {}),
            ("Add", ["heard", "said"], ["both"], {}),
            ("Add", ["both", "bias"], ["logit"], {}),
        ],
        {"encoder_out": (FLOAT, ["N", 8]), "decoder_out": (FLOAT, ["N", 4])},
        {"logit": (FLOAT, ["N", 4])},
        {"loud": LOUD, "not_twice": not_twice, "bias": BIAS},
        {"joiner_dim": 8},
    )


def make_whisper(folder: Path) -> None:
    """One layer of zeros; the embeddings alone lead from the prompt to ``yes`` and to the end."""
    from ctranslate2.specs import whisper_spec
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    wide = 64
    marks = "endoftext startoftranscript en translate transcribe startoflm startofprev nospeech notimestamps"
    special = [f"<|{mark}|>" for mark in marks.split()] + [f"<|{at * 0.02:.2f}|>" for at in range(1501)]
    tokens = ["<unk>", "yes", "no", *special]
    ids = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="<unk>"))
    tokenizer.add_special_tokens(special)
    tokenizer.save(str(folder / "tokenizer.json"))
    embeddings = np.random.default_rng(0).normal(0, 1, (len(tokens), wide)).astype(np.float32)
    projection = np.zeros_like(embeddings)
    for before, after in (
        ("<|startoftranscript|>", "<|notimestamps|>"),
        ("<|notimestamps|>", "yes"),
        ("yes", "<|endoftext|>"),
    ):
        vector = embeddings[ids[before]]
        projection[ids[after]] += (vector - vector.mean()) / vector.std() * 0.3

    def zeros(*shape: int) -> Any:
        return np.zeros(shape, np.float32)

    def linear(layer: Any, out: int, into: int) -> None:
        layer.weight, layer.bias = zeros(out, into), zeros(out)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(wide, np.float32), zeros(wide)

    def attention(layer: Any, *sizes: int) -> None:
        norm(layer.layer_norm)
        for one, size in zip(layer.linear, sizes, strict=True):
            linear(one, size, wide)

    spec = whisper_spec.WhisperSpec(1, 1, 1, 1)
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = zeros(wide, 80, 3), zeros(wide)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = zeros(wide, wide, 3), zeros(wide)
    spec.encoder.position_encodings.encodings = zeros(1500, wide)
    spec.decoder.position_encodings.encodings = zeros(448, wide)
    spec.decoder.embeddings.weight, spec.decoder.projection.weight = embeddings, projection
    for part in (spec.encoder, spec.decoder):
        norm(part.layer_norm)
        for layer in part.layer:
            attention(layer.self_attention, 3 * wide, wide)
            if part is spec.decoder:
                attention(layer.attention, wide, 2 * wide, wide)
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, 4 * wide, wide)
            linear(layer.ffn.linear_1, wide, 4 * wide)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.lang_ids, spec.config.alignment_heads = [ids["<|en|>"]], [(0, 0)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="float32")
    spec.save(str(folder))


MAKERS = {
    "piper": make_piper,
    "ctc": make_ctc,
    "transducer": make_transducer,
    "streaming": lambda folder: make_transducer(folder, streaming=True),
    "whisper": make_whisper,
}


if __name__ == "__main__":
    target = Path(sys.argv[2])
    target.mkdir(parents=True)
    MAKERS[sys.argv[1]](target)
