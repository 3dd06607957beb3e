-- band_moves: one row per scored day, band before, band now and kind of movement, with the number of users.
-- grain:  as_of_date, earlier_band, band, movement
-- reads:  user_moves
-- Explains changes in band size: rows of a band sum to its users now, rows of an earlier_band to those before.
create or replace view band_moves as
select
    as_of_date,
    earlier_date,
    earlier_band,
    band,
    movement,
    count(*) as moved_users,
    round(avg(churn_risk - earlier_risk), 12) as mean_risk_change
from user_moves
group by as_of_date, earlier_date, earlier_band, band, movement;

comment on column band_moves.as_of_date is 'the scored UTC day';
comment on column band_moves.earlier_date is 'the scored day before it';
comment on column band_moves.earlier_band is 'high, medium or low on earlier_date; none: were not on the list';
comment on column band_moves.band is 'high, medium or low on as_of_date; none: are not on the list';
comment on column band_moves.movement is 'as in user_moves';
comment on column band_moves.moved_users is 'users with this movement';
comment on column band_moves.mean_risk_change is 'mean change of their churn_risk. NULL: not on both lists';
