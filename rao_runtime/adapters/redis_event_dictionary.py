"""What events look like as JSON: the dictionary they are compressed against, so that each costs what is its own.

Part of the format: never change it. Another one gets another field name in `redis_events`, and this one stays.
"""

# Most common last, where a reference to it is shortest. Line breaks are not part of it.
EVENTS = (
    r"""
{"type":"tree.created","ts":1795.,"data":{"request":{"goal":"root","context":null,"mode":"recursive",
"auto_fraction":0.5,"expected_output_tokens":1000,"model":null,"answer_schema":null,"check":null,
"limits":{"max_depth":4,"max_nodes":10000,"max_children":1000,"max_turns":25,"max_tokens":1000000000,
"max_cost":null,"deadline_s":3000.0},"sampling":{"temperature":null,"top_p":null,"max_tokens":null,
"seed":null},"tools":[],"priority":0,"metadata":{}},"limits":{"max_depth":4,"max_nodes":10000,
"max_children":1000,"max_turns":25,"max_tokens":1000000000,"max_cost":null,"deadline_s":3000.0},"model":"",
"price_version":null,"tenant":"default","trace_id":"","traceparent":null,"versions":{"schema":1,
"runtime":"test"}}}
{"type":"tree.started","ts":1795.,"data":{"fence":1,"model":"","price_version":null,
"mode":{"requested":"recursive","effective":"recursive","needed_tokens":1002,"window":32768,
"auto_fraction":0.5},"versions":{"schema":1,"runtime":"test","protocol":"rao","prompt":"1",
"sandbox":"monty-"}}}
{"type":"tree.completed","ts":1795.,"data":{"tree_id":"","trace_id":"","schema_version":1,
"status":"completed","answer":1,"error":null,"partial":null,"model":"","mode":{"requested":"recursive",
"effective":"recursive"},"usage":{"calls":14,"input_tokens":12129,"cached_tokens":0,"output_tokens":199,
"wasted_tokens":0,"estimated":false},"cost":null,"limits":{"max_depth":4,"max_nodes":10000,
"max_children":1000,"max_turns":25,"max_tokens":1000000000,"max_cost":null,"deadline_s":3000.0},
"nodes":{"total":5,"completed":5,"failed":0,"canceled":0,"max_depth":1},
"timing":{"created_at":"2026-11-21T10:00:00.000Z","started_at":"2026-11-21T10:00:00.000Z",
"ended_at":"2026-11-21T10:00:10.000Z","wall_s":10.0,"work_s":14.00181,"critical_path_s":10.00093},
"metadata":{},"links":{"self":"/trees/","events":"/trees//events","cancel":"/trees//cancel"}}}
{"type":"tree.resumed","ts":1795.,"data":{"fence":2,"from_seq":}}
{"type":"node.failed","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,
"data":{"usage":{"calls":1,"input_tokens":,"error":{"kind":"limit","reason":"deadline","message":"",
"retryable":true,"limit":,"spent":}}
{"type":"node.refused","ts":1795.,"node_id":"","depth":0,"turn":0,"data":{"goal":"","reason":"max_nodes",
"message":"","limit":,"spent":}}
{"type":"node.check","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,"turn":0,
"data":{"check":"","passed":true,"error":null}}
{"type":"call.failed","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,"turn":0,
"data":{"call_id":"-t0","attempt":1,"turn":0,"kind":"busy","message":"","status":503,"retry":true}}
{"type":"node.resumed","ts":1795.,"node_id":"","depth":0,"turn":0,"data":{"results":[{"launch_index":1,
"node_id":""}],"now":1795.,"cell_s":0.00023,"budget":{"nodes":9997,"tokens":999988174,"cost":null,"depth":0,
"levels_below":4,"turns":24,"max_children":1000}}}
{"type":"node.split","ts":1795.,"node_id":"","depth":0,"turn":0,"data":{"children":[{"node_id":"","goal":"a"},
{"node_id":"","goal":"b"}]}}
{"type":"node.created","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,"data":{"goal":"a",
"context":null,"returns":null,"check":null,"limits":{"max_depth":3,"max_nodes":10000,"max_children":1000,
"max_turns":25,"max_tokens":1000000000,"max_cost":null,"deadline_s":3000.0},"handoff":{"in_chars":1},
"launch_index":0,"path":"0.0","mode":"recursive","prompt_tokens":1134}}
{"type":"node.started","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0}
{"type":"node.completed","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,
"data":{"usage":{"calls":2,"input_tokens":1697,"cached_tokens":0,"output_tokens":23,"wasted_tokens":0,
"estimated":false},"cost":null,"answer":2,"evidence":null,"verified":null}}
{"type":"node.output","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,"turn":0,
"data":{"output":"hello\n","error":null,"truncated":false,"cell_s":0.00012,"killed":false}}
{"type":"node.turn","ts":1795.,"node_id":"","depth":0,"turn":0,"data":{"thought":"next",
"code":"import asyncio\nrs = await asyncio.gather(launch_subagent('a'), launch_subagent('b'))","problem":null,
"now":1795.,"budget":{"nodes":9999,"tokens":999999130,"cost":null,"depth":0,"levels_below":4,"turns":24,
"max_children":1000}}}
{"type":"call.completed","ts":1795.,"node_id":"","depth":0,"turn":0,"data":{"call_id":"-t0","attempt":1,
"turn":0,
"text":"<thought>next</thought>\n<python>\nimport asyncio\nrs = await asyncio.gather(launch_subagent('a'),
 launch_subagent('b'))\n","finish_reason":"stop","replica":"","usage":{"calls":1,"input_tokens":840,
"cached_tokens":0,"output_tokens":30,"wasted_tokens":0,"estimated":false},"cost":null,"times":{"queued_s":0.0,
"first_token_s":1.0,"run_s":1.0}}}
{"type":"call.started","ts":1795.,"node_id":"","parent_id":"","depth":1,"fork_step":0,"turn":0,
"data":{"call_id":"-t0","attempt":1,"turn":0,"replica":"","model":"","sampling":{"temperature":0.7,
"top_p":1.0,"max_tokens":200,"seed":},"reserve":{"tokens":1334,"cost":null}}}
""".strip()
    .replace("\n", "")
    .encode()
)
