# Registration certificates, the registration itself, Cloud Management, synchronisation.

# What was last created or set here is recorded only after the cmdlet succeeded.
function Invoke-NewRegistrationCertificate {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $made = New-AzureStackHCIRegistrationCertificate -ErrorAction Stop
    $record = Get-CertificateRecord -Certificate ("$made" -replace '\s', '')
    Set-Record -Name 'Created' -Value $record
    return $record
}

function Invoke-SetRegistrationCertificate {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @(
        'serviceEndpoint', 'billingServiceApiScope', 'graphServiceApiScope', 'aadAuthority',
        'appId', 'tenantId', 'cloudId', 'certificateThumbprint'
    )
    $parameters = @{
        ServiceEndpoint        = $Arguments.serviceEndpoint
        BillingServiceApiScope = $Arguments.billingServiceApiScope
        GraphServiceApiScope   = $Arguments.graphServiceApiScope
        AADAuthority           = $Arguments.aadAuthority
        AppId                  = $Arguments.appId
        TenantId               = $Arguments.tenantId
        CloudId                = $Arguments.cloudId
        CertificateThumbprint  = $Arguments.certificateThumbprint
    }
    $null = Set-AzureStackHCIRegistrationCertificate @parameters -ErrorAction Stop
    $thumbprint = $Arguments.certificateThumbprint.ToUpperInvariant() -replace '[^0-9A-F]', ''
    $created = Get-Record -Name 'Created'
    if ($thumbprint -eq '') {
        $thumbprint = "$($created.thumbprint)"
    }
    if ($thumbprint -eq '') {
        # A certificate that somebody else had made: what was recorded before holds no longer.
        Remove-Record -Name 'Set'
    }
    else {
        # Kept whole: an upload of its successor must carry it too, until that one is in use.
        $known = $null
        if ($thumbprint -eq "$($created.thumbprint)") {
            $known = $created
        }
        Set-Record -Name 'Set' -Value @{
            thumbprint  = $thumbprint
            appId       = $Arguments.appId
            cloudId     = $Arguments.cloudId
            certificate = $known.certificate
            notAfter    = $known.notAfter
            createdTime = $known.createdTime
        }
    }
    return @{}
}

# The cmdlet may refuse where there is none; that is what a repetition would meet.
function Invoke-RemoveRegistrationCertificate {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    try {
        $null = Remove-AzureStackHCIRegistrationCertificate -ErrorAction Stop
    }
    catch {
        if ($null -ne (Get-AzureStackHCIRegistrationCertificate -ErrorAction Stop)) {
            throw
        }
    }
    Remove-Record -Name 'Set'
    Remove-Record -Name 'Created'
    return @{}
}

function Invoke-SetRegistration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @(
        'serviceEndpoint', 'billingServiceApiScope', 'graphServiceApiScope', 'aadAuthority',
        'appId', 'tenantId', 'cloudId', 'subscriptionId', 'objectId', 'resourceName', 'providerNamespace',
        'resourceArmId', 'servicePrincipalClientId', 'certificateThumbprint'
    )
    $parameters = @{
        ServiceEndpoint          = $Arguments.serviceEndpoint
        BillingServiceApiScope   = $Arguments.billingServiceApiScope
        GraphServiceApiScope     = $Arguments.graphServiceApiScope
        AADAuthority             = $Arguments.aadAuthority
        AppId                    = $Arguments.appId
        TenantId                 = $Arguments.tenantId
        CloudId                  = $Arguments.cloudId
        SubscriptionId           = $Arguments.subscriptionId
        ObjectId                 = $Arguments.objectId
        ResourceName             = $Arguments.resourceName
        ProviderNamespace        = $Arguments.providerNamespace
        ResourceArmId            = $Arguments.resourceArmId
        ServicePrincipalClientId = $Arguments.servicePrincipalClientId
        CertificateThumbprint    = $Arguments.certificateThumbprint
    }
    $null = Set-AzureStackHCIRegistration @parameters -ErrorAction Stop
    return @{}
}

# The cmdlet refuses what is not registered; that is what a repetition would meet.
function Invoke-RemoveRegistration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $found = Get-AzureStackHCI -ErrorAction Stop
    if ("$($found.AzureResourceUri)" -ne '') {
        $null = Remove-AzureStackHCIRegistration -ErrorAction Stop
    }
    return @{}
}

function Invoke-StartCloudManagement {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @('serviceName')
    if ($Arguments.serviceName -notin @('HciClusterAgentSvc', 'HciCloudManagementSvc')) {
        Stop-Operation -Id 'InvalidArguments' -Message 'The argument serviceName is no service of Cloud Management.'
    }
    $group = Get-CloudManagementGroup
    if ($null -eq $group) {
        $group = Add-ClusterGroup -Name $cloudManagementName -ErrorAction Stop
    }
    $resource = Get-CloudManagementResource -Group $group
    if ($null -eq $resource) {
        $resource = Add-ClusterResource -Name $cloudManagementName -ResourceType 'Generic Service' -Group $cloudManagementName -ErrorAction Stop
    }
    $serviceName = Get-ResourceParameter -Resource $resource -Name 'ServiceName'
    if ($serviceName -ne $Arguments.serviceName) {
        # A running resource takes another service only at its next start.
        if ($null -ne $serviceName -and "$($group.State)" -ne 'Offline') {
            $null = Stop-ClusterGroup -Name $cloudManagementName -Wait 60 -ErrorAction Stop
        }
        $null = Set-ClusterParameter -InputObject $resource -Name 'ServiceName' -Value $Arguments.serviceName -ErrorAction Stop
    }
    $null = Start-ClusterGroup -Name $cloudManagementName -Wait 120 -ErrorAction Stop
    $started = Get-CloudManagementGroup
    if ("$($started.State)" -ne 'Online') {
        Stop-Operation -Id 'CloudManagementNotOnline' -Message "The cluster group $cloudManagementName is $($started.State) after its start."
    }
    return @{}
}

function Invoke-RemoveCloudManagement {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $group = Get-CloudManagementGroup
    if ($null -ne $group) {
        if ("$($group.State)" -ne 'Offline') {
            $null = Stop-ClusterGroup -Name $cloudManagementName -Wait 60 -ErrorAction Stop
        }
        $null = Remove-ClusterGroup -Name $cloudManagementName -RemoveResources -Force -ErrorAction Stop
    }
    return @{}
}

# Microsoft documents that a synchronisation right after a reboot deletes that node's Arc resource. The controller waits longer
# and looks at all nodes; this holds whoever asks.
function Invoke-Sync {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $notUp = @(Get-ClusterNode -ErrorAction Stop | Where-Object { "$($_.State)" -ne 'Up' } | ForEach-Object { "$($_.Name) is $($_.State)" })
    if ($notUp.Count -gt 0) {
        Stop-Operation -Id 'NodeNotUp' -Message "Not every node of the cluster is up: $($notUp -join ', ')."
    }
    $system = Get-CimInstance -ClassName Win32_OperatingSystem -ErrorAction Stop
    $booted = $system.LastBootUpTime.ToUniversalTime()
    if ($booted.AddMinutes(5) -gt (Get-Date).ToUniversalTime()) {
        Stop-Operation -Id 'NodeFreshlyBooted' -Message "This node has booted at $($booted.ToString('o')), less than 5 minutes ago."
    }
    $null = Sync-AzureStackHCI -ErrorAction Stop
    return @{}
}

function Invoke-RemoveCustomImdsHostAddress {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $imds = Get-RegistryKey -Path $imdsPath
    if ($null -ne $imds.CustomIMDSHostAddress) {
        Remove-ItemProperty -Path $imdsPath -Name 'CustomIMDSHostAddress' -ErrorAction Stop
    }
    return @{}
}
