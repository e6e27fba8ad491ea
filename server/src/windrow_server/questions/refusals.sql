-- What was not kept, by reason, by where that happened and by wire.
select
    reason,
    stage,
    wire,
    sum(n) as n
from refusals final
where product = {product:String}
  and day >= {since:Date}
  and day <= {until:Date}
group by reason, stage, wire
order by n desc, reason, stage, wire
