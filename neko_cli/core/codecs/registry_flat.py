"""The providers that speak a flat protocol, as data. Importing this loads no codec.

Sources of limits and forms: see ``flat_frames``; what no document says, and what was seen by users of a
service, is marked so.
"""

from __future__ import annotations

from collections.abc import Mapping

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.flat_dialect import FlatDialect, PictureEvent, Told, VadForm
from neko_cli.core.codecs.provider import MakeCodec, Provider, Region
from neko_cli.core.ports import Endpoint

_JPEG = ("image/jpeg",)

QWEN = Provider(
    name="qwen",
    title="Qwen-Omni",
    family="flat",
    url="wss://dashscope.aliyuncs.com/api-ws/v1/realtime",
    path="/api-ws/v1/realtime",
    model="qwen3.5-omni-plus-realtime",
    # Each model has voices of its own, and closes the connection at another's: it chooses itself.
    voice="",
    key_names=("DASHSCOPE_API_KEY",),
    key_page="https://bailian.console.aliyun.com/?tab=model#/api-key",
    chat_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
    chat_model="qwen-flash",
    regions={
        "intl": Region(
            url="wss://dashscope-intl.aliyuncs.com/api-ws/v1/realtime",
            key_page="https://modelstudio.console.alibabacloud.com/?tab=dashboard#/api-key",
            chat_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        )
    },
    capabilities=Capabilities(
        input_rate=16_000,
        semantic_vad=True,
        images=True,
        image_types=_JPEG,
        # 256 KB as base64.
        image_limit=190 * 1024,
        image_every=1.0,
        tools=ToolForm.NESTED,
        max_session=7200.0,
        # Not documented; users saw 180 and 300 s without a reply, pings do not count.
        idle_close=180.0,
        leave_within=1.0,
    ),
    dialect=FlatDialect(
        input_format="pcm",
        output_format="pcm",
        transcription_model="qwen3-asr-flash-realtime",
        transcription_language=False,
        max_tokens="max_tokens",
        # Messages other than tool results are not documented, and older models close at them; the
        # user's own words are sent as such, since Qwen's own program does so.
        told=Told.INSTRUCTIONS,
        cancel_by_id=False,
        commit_in_vad=False,
        silent_cancel=True,
        finish="session.finish",
        fatal_types=frozenset({"server_error"}),
    ),
)

STEPFUN = Provider(
    name="stepfun",
    title="StepFun",
    family="flat",
    url="wss://api.stepfun.com/v1/realtime",
    path="/v1/realtime",
    model="stepaudio-2.5-realtime",
    voice="qingchunshaonv",
    key_names=("STEP_API_KEY",),
    key_page="https://platform.stepfun.com/interface-key",
    chat_url="https://api.stepfun.com/v1",
    chat_model="step-3.5-flash",
    regions={
        "intl": Region(
            url="wss://api.stepfun.ai/v1/realtime",
            key_page="https://platform.stepfun.ai/interface-key",
            chat_url="https://api.stepfun.ai/v1",
        )
    },
    capabilities=Capabilities(
        text_output=False,
        tools=ToolForm.NESTED,
        max_session=1800.0,
        renew_before=120.0,
    ),
    dialect=FlatDialect(
        vad=VadForm.ENERGY,
        reply_instructions=False,
        cancel_by_id=False,
        commit_in_vad=False,
        interrupts=False,
        heard_so_far=True,
        voice_told={
            ("step-audio-2-mini", "qingchunshaonv"): "请使用默认女声与用户交流",
            ("step-audio-2-mini", "wenrounansheng"): "请使用默认男声与用户交流",
        },
    ),
)

GLM = Provider(
    name="glm",
    title="GLM-Realtime",
    family="flat",
    url="wss://open.bigmodel.cn/api/paas/v4/realtime",
    path="/api/paas/v4/realtime",
    model="glm-realtime-air",
    voice="tongtong",
    key_names=("ZHIPU_API_KEY",),
    key_page="https://bigmodel.cn/usercenter/proj-mgmt/apikeys",
    chat_url="https://open.bigmodel.cn/api/paas/v4",
    chat_model="glm-4.7-flash",
    capabilities=Capabilities(
        input_rate=16_000,
        text_output=False,
        images=True,
        image_types=_JPEG,
        image_every=0.5,
        tools=ToolForm.FLAT,
        system_items=True,
    ),
    dialect=FlatDialect(
        # “16” is the rate in kHz here.
        input_format="pcm16",
        output_format="pcm",
        model_in_session=True,
        max_tokens="max_output_tokens",
        vad=VadForm.BARE,
        manual_detection="client_vad",
        whole_updates=True,
        pictures=PictureEvent.VIDEO_FRAME,
        call_mode="audio",
        picture_mode="video_passive",
        noise_reduction="far_field",
        reply_instructions=False,
        cancel_by_id=False,
        commit_in_vad=False,
        text_beside_voice=True,
        call_ids=False,
    ),
)

NEKO_FREE = Provider(
    name="neko-free",
    title="A server of N.E.K.O.'s kind",
    family="flat",
    # Its public servers are meant for the N.E.K.O. program alone, and check that they talk to it: here
    # is no address of theirs. Whoever runs such a server, or may use one, names it.
    url="",
    path="/core",
    model="free-model",
    key_names=("NEKO_FREE_KEY",),
    address_hint="Give the one of a server that you run or may use, with --url or as url in [provider].",
    capabilities=Capabilities(
        input_rate=16_000,
        text_output=False,
        images=True,
        image_types=_JPEG,
        image_limit=190 * 1024,
        image_every=1.5,
        tools=ToolForm.NESTED,
        key_required=False,
    ),
    dialect=FlatDialect(
        model_query="",
        vad=VadForm.ENERGY,
        reply_instructions=False,
        cancel_by_id=False,
        commit_in_vad=False,
        interrupts=False,
        silent_cancel=True,
    ),
)

AZURE_PREVIEW = Provider(
    name="azure-preview",
    title="Azure OpenAI (preview)",
    family="flat",
    url="",
    path="/openai/realtime",
    model="gpt-4o-realtime-preview",
    voice="alloy",
    key_names=("AZURE_OPENAI_API_KEY",),
    key_page="https://portal.azure.com/",
    address_hint="Give that of your resource, https://NAME.openai.azure.com, with --url or in [provider].",
    capabilities=Capabilities(
        truncate=True,
        tools=ToolForm.FLAT,
        system_items=True,
        # Not documented for Azure; it is what OpenAI allowed at the time.
        max_session=1800.0,
    ),
    dialect=FlatDialect(
        key_header="api-key",
        key_prefix="",
        model_query="deployment",
        query=(("api-version", "2025-04-01-preview"),),
        transcription_model="whisper-1",
    ),
)

PROVIDERS: tuple[Provider, ...] = (QWEN, STEPFUN, GLM, NEKO_FREE, AZURE_PREVIEW)
"""All of them, in the order in which they are listed."""


def _flat(provider: Provider, spec: SessionSpec, endpoint: Endpoint) -> Codec:
    from neko_cli.core.codecs.flat import FinishingCodec, FlatCodec

    dialect = provider.dialect_as(FlatDialect)
    make = FinishingCodec if dialect.finish else FlatCodec
    return make(
        spec=spec,
        capabilities=provider.capabilities,
        dialect=dialect,
        endpoint=endpoint,
        title=provider.title,
    )


FAMILIES: Mapping[str, MakeCodec] = {"flat": _flat}
"""What makes a codec, by family; each imports its module at the first use."""
