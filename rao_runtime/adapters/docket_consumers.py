"""The names of workers in docket's consumer group: nothing else there ever ends them."""

from redis.exceptions import ResponseError

from rao_runtime.adapters.docket_link import BoundedDocket

# A worker that lives reads several times a second.
LONG_GONE_S = 3_600.0


async def forget(docket: BoundedDocket, worker: str) -> None:
    """Drop a worker that has ended, unless messages are left with it, and all that are long gone. Raises RedisError."""
    stream, group = docket.stream_key, docket.worker_group_name
    async with docket.redis() as redis:
        try:
            consumers = await redis.xinfo_consumers(stream, group)
        except ResponseError:
            # No stream, or no group: nobody has worked here.
            return
        for consumer in consumers:
            name = consumer["name"].decode()
            if not consumer["pending"] and (name == worker or consumer["idle"] > LONG_GONE_S * 1000):
                await redis.xgroup_delconsumer(stream, group, name)
