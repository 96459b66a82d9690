"""The structs of symbols and ticks, at one moment."""

from mt5_exporter.far.drivers.simulated.catalogue import Symbol
from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.market import Day, Quote, tick_value
from mt5_exporter.far.drivers.simulated.moment import Moment
from mt5_exporter.far.drivers.simulated.structs import SymbolInfo, Tick

TICK_FLAGS = Constants.TICK_FLAG_BID | Constants.TICK_FLAG_ASK
ALL_ORDER_TYPES = 127
ALL_EXPIRATIONS = 15
FILL_OR_KILL_AND_IMMEDIATE = 3
NO_QUOTE = Quote(instant=0, bid=0.0, ask=0.0)
NO_DAY = Day(bid_high=0.0, bid_low=0.0, open=0.0, previous_close=0.0)


def tick(moment: Moment, symbol: Symbol) -> Tick:
    """Return the latest tick; the symbols of this broker have no last price and no volume."""
    quote = moment.quotes(symbol.name)
    instant = moment.clock(quote.instant)
    return Tick(
        time=instant // 1000,
        bid=quote.bid,
        ask=quote.ask,
        last=0.0,
        volume=0,
        time_msc=instant,
        flags=TICK_FLAGS,
        volume_real=0.0,
    )


def symbol_info(moment: Moment, symbol: Symbol, *, selected: bool) -> SymbolInfo:
    """Return a symbol's description and, while it is in Market Watch, its prices; 0 for those else."""
    quote, day, time, change = NO_QUOTE, NO_DAY, 0, 0.0
    if selected:
        quote = moment.quotes(symbol.name)
        day = moment.market.day(symbol.name, quote.instant)
        time = moment.clock(quote.instant) // 1000
        change = round((quote.bid / day.previous_close - 1.0) * 100.0, 4)
    value = tick_value(symbol, moment.quotes, moment.account.currency)
    spread = quote.ask - quote.bid
    return SymbolInfo(
        custom=False,
        chart_mode=Constants.SYMBOL_CHART_MODE_BID,
        select=selected,
        visible=selected,
        session_deals=0,
        session_buy_orders=0,
        session_sell_orders=0,
        volume=0,
        volumehigh=0,
        volumelow=0,
        time=time,
        digits=symbol.digits,
        spread=round(spread / symbol.point),
        spread_float=True,
        ticks_bookdepth=0,
        trade_calc_mode=symbol.calc_mode,
        trade_mode=Constants.SYMBOL_TRADE_MODE_FULL,
        start_time=0,
        expiration_time=0,
        trade_stops_level=0,
        trade_freeze_level=0,
        trade_exemode=Constants.SYMBOL_TRADE_EXECUTION_MARKET,
        swap_mode=Constants.SYMBOL_SWAP_MODE_POINTS,
        swap_rollover3days=Constants.DAY_OF_WEEK_WEDNESDAY,
        margin_hedged_use_leg=False,
        expiration_mode=ALL_EXPIRATIONS,
        filling_mode=FILL_OR_KILL_AND_IMMEDIATE,
        order_mode=ALL_ORDER_TYPES,
        order_gtc_mode=Constants.SYMBOL_ORDERS_GTC,
        option_mode=Constants.SYMBOL_OPTION_MODE_EUROPEAN,
        option_right=Constants.SYMBOL_OPTION_RIGHT_CALL,
        bid=quote.bid,
        bidhigh=day.bid_high,
        bidlow=day.bid_low,
        ask=quote.ask,
        askhigh=symbol.rounded(day.bid_high + spread),
        asklow=symbol.rounded(day.bid_low + spread),
        last=0.0,
        lasthigh=0.0,
        lastlow=0.0,
        volume_real=0.0,
        volumehigh_real=0.0,
        volumelow_real=0.0,
        option_strike=0.0,
        point=symbol.point,
        trade_tick_value=value,
        trade_tick_value_profit=value,
        trade_tick_value_loss=value,
        trade_tick_size=symbol.step,
        trade_contract_size=symbol.contract,
        trade_accrued_interest=0.0,
        trade_face_value=0.0,
        trade_liquidity_rate=0.0,
        volume_min=symbol.volume_min,
        volume_max=symbol.volume_max,
        volume_step=symbol.volume_step,
        volume_limit=0.0,
        swap_long=symbol.swap_long,
        swap_short=symbol.swap_short,
        margin_initial=0.0,
        margin_maintenance=0.0,
        session_volume=0.0,
        session_turnover=0.0,
        session_interest=0.0,
        session_buy_orders_volume=0.0,
        session_sell_orders_volume=0.0,
        session_open=day.open,
        session_close=day.previous_close,
        session_aw=0.0,
        session_price_settlement=0.0,
        session_price_limit_min=0.0,
        session_price_limit_max=0.0,
        margin_hedged=symbol.contract,
        price_change=change,
        price_volatility=0.0,
        price_theoretical=0.0,
        price_greeks_delta=0.0,
        price_greeks_theta=0.0,
        price_greeks_gamma=0.0,
        price_greeks_vega=0.0,
        price_greeks_rho=0.0,
        price_greeks_omega=0.0,
        price_sensitivity=0.0,
        basis="",
        category="",
        currency_base=symbol.base,
        currency_profit=symbol.profit,
        currency_margin=symbol.base,
        bank="",
        description=symbol.description,
        exchange="",
        formula="",
        isin="",
        name=symbol.name,
        page="",
        path=f"{symbol.folder}\\{symbol.name}",
    )
