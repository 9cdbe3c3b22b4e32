$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$hcireg = ConvertFrom-Json -InputObject (@($input) -join '')
Invoke-Expression -Command $hcireg.script
