-- Instances by week and by the last version that each reported in that week; the top eight keep their name.
with
    lasts as (
        select
            toMonday(day) as week,
            instance_id,
            argMax(if(app_version = '', 'unknown', toString(app_version)), day) as version
        from instance_days final
        where product = {product:String}
          and day >= toMonday({since:Date})
          and day <= {until:Date}
          and instance_kind in ('database', 'file')
        group by week, instance_id
    ),
    counted as (
        select week, version, count() as instances
        from lasts
        group by week, version
    ),
    tops as (
        select version
        from counted
        group by version
        order by
            max(instances) desc,
            arrayMap(part -> toUInt32OrZero(part), splitByChar('.', version)) desc,
            version desc
        limit 8
    ),
    named as (
        select
            week,
            if(version in (select version from tops), version, 'other') as version,
            sum(instances) as instances
        from counted
        group by week, version
    ),
    grid as (
        select
            arrayJoin(arrayMap(
                n -> toMonday({since:Date}) + 7 * n,
                range(toUInt32(dateDiff('day', toMonday({since:Date}), toMonday({until:Date})) / 7 + 1))
            )) as week,
            version
        from (select distinct version from named)
    )
select
    grid.week as week,
    grid.version as version,
    named.instances as instances
from grid
left join named on grid.week = named.week and grid.version = named.version
order by
    week,
    version in ('other', 'custom', 'unknown'),
    arrayMap(part -> toUInt32OrZero(part), splitByChar('.', version)),
    version
