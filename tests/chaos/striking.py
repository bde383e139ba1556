"""How a blow is dealt."""

import signal

from tests.chaos.host import Host
from tests.chaos.scenario import Blow, Kill

# A server that was asked to leave ends by itself, or by the signal once it is done.
LEFT = {0, -signal.SIGTERM}


async def strike(host: Host, kill: Kill) -> Blow:
    """Do it, and have the server up again; what it was. Where a store is not there, its server is killed: a KILL."""
    if kill.blow is Blow.STORE and host.kill_store():
        return Blow.STORE
    if kill.blow is Blow.TERM:
        status = await host.leave()
        assert status in LEFT, f"the server left with status {status}"
    else:
        await host.kill()
    if kill.blow is Blow.TWICE:
        host.spawn()
        await host.stays(kill.again_s)
        await host.kill()
    await host.start()
    return Blow.KILL if kill.blow is Blow.STORE else kill.blow
