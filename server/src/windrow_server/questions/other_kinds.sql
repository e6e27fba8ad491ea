-- Ephemeral and foreign ids by week, and the events that they sent.
with
    counted as (
        select
            toMonday(day) as week,
            uniqExactIf(instance_id, instance_kind = 'ephemeral') as ephemeral,
            uniqExactIf(instance_id, instance_kind = 'foreign') as foreign,
            sumIf(events, instance_kind = 'ephemeral') as ephemeral_events,
            sumIf(events, instance_kind = 'foreign') as foreign_events
        from instance_days final
        where product = {product:String}
          and day >= toMonday({since:Date})
          and day <= {until:Date}
          and instance_kind in ('ephemeral', 'foreign')
        group by week
    ),
    grid as (
        select arrayJoin(arrayMap(
            n -> toMonday({since:Date}) + 7 * n,
            range(toUInt32(dateDiff('day', toMonday({since:Date}), toMonday({until:Date})) / 7 + 1))
        )) as week
    )
select
    grid.week as week,
    counted.ephemeral as ephemeral,
    counted.foreign as foreign,
    counted.ephemeral_events as ephemeral_events,
    counted.foreign_events as foreign_events
from grid
left join counted on grid.week = counted.week
order by week
