-- Events by name: how many, on how many instances, and what came from elsewhere.
with
    active as (
        select uniqExact(instance_id) as instances
        from instance_days final
        where product = {product:String}
          and day >= {since:Date}
          and day <= {until:Date}
          and instance_kind in ('database', 'file')
    ),
    counted as (
        select
            event,
            countIf(instance_kind in ('database', 'file')) as events,
            uniqExactIf(instance_id, instance_kind in ('database', 'file')) as instances,
            countIf(instance_kind not in ('database', 'file')) as apart
        from events final
        where product = {product:String}
          and day >= {since:Date}
          and day <= {until:Date}
        group by event
    )
select
    event,
    events,
    instances,
    round(instances / greatest((select instances from active), 1), 4) as share,
    apart
from counted
order by events desc, apart desc, event
