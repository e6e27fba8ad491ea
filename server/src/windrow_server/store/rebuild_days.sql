-- From deduplicated events: a materialized view would count what was sent twice.
insert into instance_days (product, day, instance_id, instance_kind, app_version, events, rebuilt)
select
    product,
    day,
    instance_id,
    argMax(instance_kind, version),
    argMaxIf(app_version, version, app_version != ''),
    count(),
    toUnixTimestamp64Micro(now64(6))
from events final
where product = {product:String} and day in {days:Array(Date)}
group by product, day, instance_id
