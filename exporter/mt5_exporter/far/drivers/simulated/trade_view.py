"""The structs of positions, orders and deals, at one moment; their times are on the broker's clock."""

from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.ledger import Deal
from mt5_exporter.far.drivers.simulated.moment import Moment
from mt5_exporter.far.drivers.simulated.pending import Pending
from mt5_exporter.far.drivers.simulated.structs import TradeDeal, TradeOrder, TradePosition
from mt5_exporter.far.drivers.simulated.trades import BUY, SELL, Trade, profit_of, swap_of


def floating(moment: Moment, trade: Trade) -> tuple[float, float]:
    """Return what an open trade has earned by its price and by its swap, in the deposit currency."""
    move = trade.exit_price(moment.quotes(trade.symbol.name)) - trade.price_open
    value = moment.worth(trade.symbol.profit)
    nights = trade.symbol.hours.nights(trade.opened, moment.instant)
    money = moment.account.money
    return (
        money(profit_of(trade.symbol, trade.side, trade.volume, move, value)),
        money(swap_of(trade.symbol, trade.side, trade.volume, nights, value)),
    )


def positions(moment: Moment) -> list[TradePosition]:
    """Return the open positions, oldest first."""
    return [_position(moment, trade) for trade in moment.book.ledger.open_trades(moment.instant)]


def _position(moment: Moment, trade: Trade) -> TradePosition:
    opened = moment.clock(trade.opened)
    profit, swap = floating(moment, trade)
    return TradePosition(
        ticket=trade.ticket,
        time=opened // 1000,
        time_msc=opened,
        time_update=opened // 1000,
        time_update_msc=opened,
        type=trade.side,
        magic=trade.strategy.magic,
        identifier=trade.ticket,
        reason=_entry_reason(trade),
        volume=trade.volume,
        price_open=trade.price_open,
        sl=trade.stop_loss,
        tp=trade.take_profit,
        price_current=trade.exit_price(moment.quotes(trade.symbol.name)),
        swap=swap,
        profit=profit,
        symbol=trade.symbol.name,
        comment=trade.strategy.comment,
        external_id="",
    )


def orders(moment: Moment) -> list[TradeOrder]:
    """Return the pending orders, oldest first."""
    waiting = moment.book.pending.waiting(moment.instant)
    return [_pending(moment, order, Constants.ORDER_STATE_PLACED) for order in waiting]


def history_orders(moment: Moment) -> list[TradeOrder]:
    """Return every finished order: those that opened and closed trades, and those that never did."""
    instant = moment.instant
    found = [_pending(moment, order, order.state) for order in moment.book.pending.finished(instant)]
    for trade in moment.book.ledger.started_trades(instant):
        found.append(_filled(moment, trade, closing=False))
        if trade.closed <= instant:
            found.append(_filled(moment, trade, closing=True))
    return sorted(found, key=lambda order: (order.time_done_msc, order.ticket))


def _pending(moment: Moment, order: Pending, state: int) -> TradeOrder:
    placed = moment.clock(order.placed)
    done = 0 if state == Constants.ORDER_STATE_PLACED else moment.clock(order.done)
    expires = order.state == Constants.ORDER_STATE_EXPIRED
    quote = moment.quotes(order.symbol.name)
    return TradeOrder(
        ticket=order.ticket,
        time_setup=placed // 1000,
        time_setup_msc=placed,
        time_done=done // 1000,
        time_done_msc=done,
        time_expiration=moment.clock(order.done) // 1000 if expires else 0,
        type=order.kind,
        type_time=Constants.ORDER_TIME_SPECIFIED if expires else Constants.ORDER_TIME_GTC,
        type_filling=Constants.ORDER_FILLING_RETURN,
        state=state,
        magic=0,
        position_id=0,
        position_by_id=0,
        reason=Constants.ORDER_REASON_CLIENT,
        volume_initial=order.volume,
        volume_current=order.volume,
        price_open=order.price,
        sl=0.0,
        tp=0.0,
        price_current=order.price if done else quote.bid,
        price_stoplimit=0.0,
        symbol=order.symbol.name,
        comment="",
        external_id="",
    )


def _filled(moment: Moment, trade: Trade, *, closing: bool) -> TradeOrder:
    done = moment.clock(trade.closed if closing else trade.opened)
    price = trade.price_close if closing else trade.price_open
    return TradeOrder(
        ticket=trade.closing_ticket if closing else trade.ticket,
        time_setup=done // 1000,
        time_setup_msc=done,
        time_done=done // 1000,
        time_done_msc=done,
        time_expiration=0,
        type=_side(trade, closing=closing),
        type_time=Constants.ORDER_TIME_GTC,
        type_filling=Constants.ORDER_FILLING_IOC,
        state=Constants.ORDER_STATE_FILLED,
        magic=trade.strategy.magic,
        position_id=trade.ticket,
        position_by_id=0,
        reason=trade.close_reason if closing else _entry_reason(trade),
        volume_initial=trade.volume,
        volume_current=0.0,
        price_open=price,
        sl=0.0 if closing else trade.stop_loss,
        tp=0.0 if closing else trade.take_profit,
        price_current=price,
        price_stoplimit=0.0,
        symbol=trade.symbol.name,
        comment=_comment(trade, closing=closing),
        external_id="",
    )


def deals(moment: Moment) -> list[TradeDeal]:
    """Return every deal, oldest first."""
    return [_deal(moment, deal) for deal in moment.book.ledger.deals(moment.instant)]


def _deal(moment: Moment, deal: Deal) -> TradeDeal:
    instant = moment.clock(deal.instant)
    trade = deal.trade
    if trade is None:
        return TradeDeal(
            ticket=deal.ticket, order=0, time=instant // 1000, time_msc=instant, entry=deal.entry,
            type=Constants.DEAL_TYPE_BALANCE, magic=0, position_id=0, reason=Constants.DEAL_REASON_CLIENT,
            volume=0.0, price=0.0, commission=0.0, swap=0.0, profit=deal.amount, fee=0.0, symbol="",
            comment="Deposit", external_id="",
        )  # fmt: skip
    closing = deal.entry == Constants.DEAL_ENTRY_OUT
    return TradeDeal(
        ticket=deal.ticket,
        order=trade.closing_ticket if closing else trade.ticket,
        time=instant // 1000,
        time_msc=instant,
        type=_side(trade, closing=closing),
        entry=deal.entry,
        magic=trade.strategy.magic,
        position_id=trade.ticket,
        reason=trade.close_reason if closing else _entry_reason(trade),
        volume=trade.volume,
        price=trade.price_close if closing else trade.price_open,
        commission=trade.commission,
        swap=trade.swap if closing else 0.0,
        profit=trade.profit if closing else 0.0,
        fee=0.0,
        symbol=trade.symbol.name,
        comment=_comment(trade, closing=closing),
        external_id="",
    )


def _side(trade: Trade, *, closing: bool) -> int:
    """Return the side of a trade's deal; orders and deals number buying and selling alike."""
    if not closing:
        return trade.side
    return SELL if trade.side == BUY else BUY


def _entry_reason(trade: Trade) -> int:
    return Constants.POSITION_REASON_CLIENT if trade.strategy.by_hand else Constants.POSITION_REASON_EXPERT


def _comment(trade: Trade, *, closing: bool) -> str:
    """Return the comment of an order or deal; the broker notes which stop was reached."""
    if closing and trade.close_reason == Constants.DEAL_REASON_SL:
        return f"[sl {trade.stop_loss}]"
    if closing and trade.close_reason == Constants.DEAL_REASON_TP:
        return f"[tp {trade.take_profit}]"
    return trade.strategy.comment
