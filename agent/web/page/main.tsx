import './style/tokens.css'
import './style/base.css'
import './style/shell.css'
import './style/parts.css'
import './style/views.css'
import './style/events.css'
import 'uplot/dist/uPlot.min.css'
import { render } from 'preact'
import { App, Away } from './app.tsx'
import { startPolling } from './state.ts'

startPolling()
render(
  <>
    <Away />
    <App />
  </>,
  document.getElementById('app')!,
)
