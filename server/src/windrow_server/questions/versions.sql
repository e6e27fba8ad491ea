-- Instances by week and by the last version that each reported in that week; thirteen keep their name.
with
    lasts as (
        select
            toMonday(day) as week,
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
    shared as (
        select week, version, instances, instances / sum(instances) over (partition by week) as share
        from counted
    ),
    lives as (
        select
            version,
            version in ('custom', 'unknown') as apart,
            arrayMap(part -> toUInt32OrZero(part), splitByChar('.', version)) as parts,
            groupArray(week) as weeks,
            groupArray(instances) as counts,
            max(share) as peak
        from shared
        group by version
    ),
    ranked as (
        select
            version, apart, weeks, counts,
            row_number() over (partition by apart order by parts desc) as newest,
            row_number() over (partition by apart order by peak desc, parts desc) as widest
        from lives
    ),
    named as (
        select
            if(apart or newest <= 3 or widest <= 10, version, 'other') as name,
            sumMap(weeks, counts) as totals
        from ranked
        group by name
    )
select
    arrayJoin(arrayMap(
        n -> toMonday({since:Date}) + 7 * n,
        range(toUInt32(dateDiff('day', toMonday({since:Date}), toMonday({until:Date})) / 7 + 1))
    )) as week,
    name as version,
    totals.2[indexOf(totals.1, week)] as instances
from named
order by
    week,
    version in ('other', 'custom', 'unknown'),
    arrayMap(part -> toUInt32OrZero(part), splitByChar('.', version)),
    version
