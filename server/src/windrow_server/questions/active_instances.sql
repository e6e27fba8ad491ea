-- Instances that sent at least one event, in each day, week and month that the period touches.
with
    days as (
        select arrayJoin(arrayMap(
            n -> {since:Date} + n,
            range(toUInt32(dateDiff('day', {since:Date}, {until:Date}) + 1))
        )) as day
    ),
    grid as (
        select distinct
            arrayJoin([('day', day), ('week', toMonday(day)), ('month', toStartOfMonth(day))]) as bucket
        from days
    ),
    active as (
        select
            arrayJoin([('day', day), ('week', toMonday(day)), ('month', toStartOfMonth(day))]) as bucket,
            uniqExact(instance_id) as instances
        from instance_days final
        where product = {product:String}
          and day >= least(toMonday({since:Date}), toStartOfMonth({since:Date}))
          and day <= {until:Date}
          and instance_kind in ('database', 'file')
        group by bucket
    )
select
    grid.bucket.1 as unit,
    grid.bucket.2 as start,
    active.instances as instances
from grid
left join active on grid.bucket = active.bucket
order by indexOf(['day', 'week', 'month'], unit), start
