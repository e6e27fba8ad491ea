-- The sort key holds only what the sender claims, so that an event that is sent again meets its twin.
create table if not exists events (
    product LowCardinality(String),
    event LowCardinality(String),
    day Date,
    hour UInt8,
    instance_id UUID,
    instance_kind LowCardinality(String),
    event_id UUID,
    app_version LowCardinality(String),
    properties Map(LowCardinality(String), String),
    context Map(LowCardinality(String), String),
    catalogue LowCardinality(String),
    sdk LowCardinality(String),
    wire LowCardinality(String),
    received DateTime('UTC'),
    collector LowCardinality(String),
    sequence UInt64,
    version UInt64
)
engine = ReplacingMergeTree(version)
partition by toYYYYMM(day)
order by (product, event, day, instance_id, event_id)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists instance_days (
    product LowCardinality(String),
    day Date,
    instance_id UUID,
    instance_kind LowCardinality(String),
    app_version LowCardinality(String),
    events UInt32,
    rebuilt UInt64
)
engine = ReplacingMergeTree(rebuilt)
order by (product, day, instance_id)
settings fsync_after_insert = 1, fsync_part_directory = 1;

create table if not exists refusals (
    product LowCardinality(String),
    day Date,
    reason LowCardinality(String),
    wire LowCardinality(String),
    stage LowCardinality(String),
    n UInt64,
    collector LowCardinality(String),
    sequence UInt64
)
engine = ReplacingMergeTree
order by (product, day, reason, wire, stage, collector, sequence)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- The number that an instance gave each of its batches: one number with two batches is two copies of an instance.
create table if not exists batches (
    product LowCardinality(String),
    day Date,
    instance_id UUID,
    instance_kind LowCardinality(String),
    number UInt64,
    batch_id UUID
)
engine = ReplacingMergeTree
partition by toYYYYMM(day)
order by (product, instance_id, number, batch_id)
settings non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
