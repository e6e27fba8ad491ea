"""Windrow and its peers behind one shape. Imported by the measured programs only; each SDK in its own process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

PEERS = (
    "posthog",
    "segment",
    "mixpanel",
    "amplitude",
    "snowplow",
    "opentelemetry",
    "sentry messages",
    "sentry logs",
)


class Client(NamedTuple):
    """An SDK that runs. `statement` is its call in Python, with `names` and `PROPERTIES` to be had there.

    `flush` returns when all that is queued has been sent, where the SDK can do that; `queued` says how much waits.
    """

    statement: str
    names: Mapping[str, object]
    flush: Callable[[], object]
    queued: Callable[[], int] = lambda: 0


def start(name: str, url: str, room: int | None = None) -> Client:
    """Start the SDK in its default configuration, sending to `url`.

    `room`: how many events must fit into the queue, where the default is less.
    """
    return _STARTS[name](url, room)


def _windrow(_url: str, _room: int | None) -> Client:
    from windrow import Telemetry

    telemetry = Telemetry("telemetry.toml")  # the address is in the environment
    return Client(
        'track("used", PROPERTIES)',
        {"track": telemetry.track},
        lambda: telemetry.flush(30),
        telemetry.queued,
    )


def _posthog(url: str, _room: int | None) -> Client:
    from posthog import Posthog

    client = Posthog("phc_bench", host=url)
    call = 'capture("used", distinct_id="x", properties=PROPERTIES)'
    return Client(call, {"capture": client.capture}, client.flush)


def _segment(url: str, _room: int | None) -> Client:
    from segment.analytics.client import Client as Segment

    client = Segment("bench", host=url)
    return Client('track("x", "used", PROPERTIES)', {"track": client.track}, client.flush)


def _mixpanel(url: str, _room: int | None) -> Client:
    from mixpanel import BufferedConsumer, Mixpanel

    consumer = BufferedConsumer(events_url=f"{url}/track")
    client = Mixpanel("bench", consumer=consumer)
    return Client('track("x", "used", PROPERTIES)', {"track": client.track}, consumer.flush)


def _amplitude(url: str, _room: int | None) -> Client:
    from amplitude import Amplitude, BaseEvent, Config

    client = Amplitude("bench", Config(server_url=f"{url}/2/httpapi"))
    call = 'track(BaseEvent(event_type="used", device_id="x", event_properties=PROPERTIES))'
    return Client(call, {"track": client.track, "BaseEvent": BaseEvent}, client.flush)


def _snowplow(url: str, _room: int | None) -> Client:
    from snowplow_tracker import AsyncEmitter, SelfDescribing, SelfDescribingJson, Tracker

    at = urlsplit(url)
    emitter = AsyncEmitter(at.hostname, protocol="http", port=at.port)
    tracker = Tracker(namespace="bench", emitters=emitter)
    call = 'track(SelfDescribing(SelfDescribingJson("iglu:bench/used/jsonschema/1-0-0", PROPERTIES)))'
    names = {
        "track": tracker.track,
        "SelfDescribing": SelfDescribing,
        "SelfDescribingJson": SelfDescribingJson,
    }
    return Client(call, names, lambda: tracker.flush(is_async=False))


def _opentelemetry(url: str, room: int | None) -> Client:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"{url}/v1/logs")
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=room))
    logger = provider.get_logger("bench")
    return Client(
        'emit(event_name="used", attributes=PROPERTIES)', {"emit": logger.emit}, provider.force_flush
    )


def _sentry_messages(url: str, _room: int | None) -> Client:
    sentry_sdk = _sentry(url)
    names = {"capture_message": sentry_sdk.capture_message}
    return Client('capture_message("used", extras=PROPERTIES)', names, sentry_sdk.flush)


def _sentry_logs(url: str, _room: int | None) -> Client:
    sentry_sdk = _sentry(url, enable_logs=True)
    return Client('info("used", attributes=PROPERTIES)', {"info": sentry_sdk.logger.info}, sentry_sdk.flush)


def _sentry(url: str, **options: bool) -> Any:
    import sentry_sdk

    sentry_sdk.init(url.replace("://", "://bench@") + "/1", **options)
    return sentry_sdk


_STARTS: Mapping[str, Callable[[str, int | None], Client]] = {
    "windrow": _windrow,
    "posthog": _posthog,
    "segment": _segment,
    "mixpanel": _mixpanel,
    "amplitude": _amplitude,
    "snowplow": _snowplow,
    "opentelemetry": _opentelemetry,
    "sentry messages": _sentry_messages,
    "sentry logs": _sentry_logs,
}
