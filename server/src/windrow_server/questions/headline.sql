-- Instances active in the last 1, 7 and 30 days, and in as many days before those.
with
    lengths as (
        select arrayJoin([1, 7, 30]) as days
    ),
    counted as (
        select
            days,
            uniqExactIf(instance_id, day > {until:Date} - days) as active,
            uniqExactIf(instance_id, day <= {until:Date} - days) as before
        from (
            select day, instance_id
            from instance_days final
            where product = {product:String}
              and day > {until:Date} - 60
              and day <= {until:Date}
              and instance_kind in ('database', 'file')
        )
        array join [1, 7, 30] as days
        where day > {until:Date} - 2 * days
        group by days
    )
select lengths.days as days, counted.active as active, counted.before as before
from lengths
left join counted on lengths.days = counted.days
order by days
