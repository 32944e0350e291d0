"""News in a link's instructions: only while they have not been told."""

from __future__ import annotations

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.events import TurnEnded
from tests.fakes.staging import COLD, staged
from tests.fakes.virtual import virtual

BUILD = "The build is green."


@virtual
async def test_a_link_that_is_lost_while_they_are_told_does_not_have_them_told_again():
    async with staged(COLD, capabilities={"system_items": False}) as stage:
        await stage.start()
        stage.session.enqueue_agent_callback(AgentResult("completed", BUILD))
        fresh = await stage.back(1.0)
        assert stage.configuration["instructions"].count(BUILD) == 1
        await fresh.expect("response.create")
        fresh.begin("n1")
        fresh.words("n1", "The build is green, by the way. ")
        await stage.passes(0.1)
        fresh.drop(1006)
        last = await stage.back()
        again = stage.configuration["instructions"]
        await last.expect("conversation.item.create")  # what it has said of it already
        await last.expect("response.create")  # asked to go on from there
        last.reply("n2", "That is all.")
        await stage.until(TurnEnded)
        assert BUILD not in again
